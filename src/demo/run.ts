/**
 * The demo: real nodes as child processes, logs that grow, two of the nodes killed in the middle, and the proof at the end.
 *
 *   writer ─▶ sources/web1 ─▶ agent web1 ─┐
 *          ─▶ sources/web2 ─▶ agent web2 ─┼─▶ sink ─▶ stored/, ledger.db ─▶ logd status, logd audit
 *          ─▶ sources/web3 ─▶ agent web3 ─┘
 *
 * Invariant: exits with 0 only when every expected segment is sealed and the audit found source, seal and store identical.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { LogdError, messageOf } from '../error.ts';
import { moduleBeside } from '../threads/module-beside.ts';
import { plural } from '../report/segment-text.ts';
import { formatBytes, type Paint, widthOf } from '../text/terminal.ts';
import { endedError, gatherCast, type Cast } from './cast.ts';
import { startChild } from './child.ts';
import { placeInput } from './input.ts';
import { etlHasAll, proveEtl } from './etl.ts';
import { pageAddress } from './page.ts';
import { type DemoMongo, type DemoServer, hasDelivered, proveMongo, startMongo } from './mongodb.ts';
import { demoPaths, type DemoPlan, layOut } from './plan.ts';
import { openScreen, type Screen, type Terminal } from './screen.ts';
import { openStage, type Stage } from './stage.ts';
import { commandLine, conclusion, introduction, keepText, lastWords, proofCommands } from './story.ts';
import type { WriterPlan } from './writer.ts';

/** When the sink and the busiest agent are killed, as parts of the whole, and how long they are down. */
const KILL_SINK_AT = 0.35;
const KILL_MONGO_AT = 0.5;
const KILL_AGENT_AT = 0.65;
const DOWN_MS = 1500;
const CATCH_UP_MS = 200;
const GRACE_MS = 90_000;
const SLOWEST_BYTES_A_MS = 2000;

export interface DemoOptions {
  readonly plan: DemoPlan;
  readonly writer: Omit<WriterPlan, 'dir' | 'hosts' | 'hours'>;
  /** The user's own files, in the order of `plan.expected`; empty: the writer writes. */
  readonly input: readonly string[];
  /** Bytes of all input files. */
  readonly inputBytes: number;
  readonly keep: boolean;
  /** Deliver to MongoDB, too, and kill it in the middle. */
  readonly mongodb?: DemoServer;
}

export interface DemoContext {
  readonly out: Terminal;
  readonly paint: Paint;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** The script of the command line, for the children. */
  readonly main: URL;
}

/** Plays the demo; resolves when all children have ended: true when everything was proven. Rejects with a LogdError that says what went wrong. */
export const runDemo = async (options: DemoOptions, context: DemoContext): Promise<boolean> => {
  const { plan, keep } = options;
  const { out, paint, main, signal } = context;
  const began = performance.now();
  await layOut(plan);
  out.write(introduction(plan, options.writer.secondsPerHour, paint, widthOf(out)));

  const trouble = new AbortController();
  const limitMs = timeLimit(options);
  const limit = setTimeout(() => {
    trouble.abort(new LogdError('closed', `The demo is not done after ${Math.round(limitMs / 1000)} s.`));
  }, limitMs);
  const stop = AbortSignal.any([signal, trouble.signal]);
  using screen = openScreen(out, paint, () => performance.now() - began);
  await using mongo = options.mongodb && (await startMongo(plan, options.mongodb));
  await using cast = gatherCast(plan.dir, main, (error) => trouble.abort(error));
  try {
    {
      await using stage = await openStage(plan, cast, screen, stop);
      await play(options, { cast, stage, screen, paint, trouble, mongo });
    }
    const isStored = await prove(plan, context, stop);
    const isDelivered =
      options.mongodb === undefined ||
      (await proveMongo(plan, options.mongodb, (text) => void out.write(text), paint));
    const isAccounted = await proveEtl(plan, (text) => void out.write(text), paint);
    const proven = isStored && isDelivered && isAccounted;
    out.write(conclusion(plan, proven, paint, widthOf(out)));
    clearTimeout(limit);
    if (keep) {
      out.write(keepText(plan, paint));
      if (!stop.aborted) await once(stop, 'abort');
      if (trouble.signal.aborted) throw trouble.signal.reason;
    }
    return proven;
  } catch (error) {
    const reason: unknown = trouble.signal.aborted ? trouble.signal.reason : error;
    if (signal.aborted)
      throw new LogdError('closed', 'Interrupted: the demo stops its processes.', { cause: error });
    throw new LogdError('closed', `${messageOf(reason)}\n\n${await lastWords(plan)}`, { cause: reason });
  } finally {
    clearTimeout(limit);
  }
};

interface Props {
  readonly cast: Cast;
  readonly stage: Stage;
  readonly screen: Screen;
  readonly paint: Paint;
  readonly trouble: AbortController;
  readonly mongo: DemoMongo | undefined;
}

/** From the first start until everything is sealed. */
const play = async (options: DemoOptions, props: Props): Promise<void> => {
  const { plan, input } = options;
  const { cast, stage, screen, paint } = props;
  if (plan.monitor !== undefined) {
    await cast.start('monitor');
    screen.say(`${paint('bold', `Open ${pageAddress(plan.monitor)} in a browser`)}: the monitor's page`);
  }
  const sinkPid = await cast.start('sink');
  for (const { name } of plan.hosts) await cast.start(name);
  screen.say(`Started the sink (pid ${sinkPid}) and ${plural(plan.hosts.length, 'agent')}`);

  await using source = input.length > 0 ? await placeAll(options) : await startWriter(options, props);
  await stage.until((view) => source.progress(view.stored) >= KILL_SINK_AT);
  await killAndRestart('sink', 'the source files are the buffer', props);
  if (props.mongo !== undefined) {
    await stage.until((view) => source.progress(view.stored) >= KILL_MONGO_AT);
    await killMongo(props.mongo, props);
  }
  await stage.until((view) => source.progress(view.stored) >= KILL_AGENT_AT);
  await killAndRestart(plan.hosts[0]!.name, 'it will cut the same packs again', props);
  await stage.until((view) => source.ended() && view.sealed === plan.expected.length);
  screen.say(paint('green', `${plural(plan.expected.length, 'segment')} sealed: that is all of them`));
  if (!(await etlHasAll(plan))) screen.say('The ETL takes in the last hours');
  while (!(await etlHasAll(plan))) await stage.pause(CATCH_UP_MS);
  if (props.mongo === undefined) return;
  screen.say('MongoDB catches up');
  while (!(await hasDelivered(plan))) await stage.pause(CATCH_UP_MS);
};

const killMongo = async (mongo: DemoMongo, { stage, screen, paint }: Props): Promise<void> => {
  screen.say(`${paint('red', `SIGKILL to MongoDB (pid ${mongo.pid})`)}: the store is its buffer`);
  await mongo.kill();
  await stage.pause(DOWN_MS);
  await mongo.start();
  screen.say(paint('green', `Started MongoDB again (pid ${mongo.pid})`));
};

const killAndRestart = async (
  name: string,
  why: string,
  { cast, stage, screen, paint }: Props,
): Promise<void> => {
  const { stored, written } = stage.view;
  const killed = await cast.kill(name);
  const behind = formatBytes(Math.max(0, written - stored));
  screen.say(paint('red', `SIGKILL to ${name} (pid ${killed})`) + `, ${behind} not stored yet: ${why}`);
  await stage.pause(DOWN_MS);
  const pid = await cast.start(name);
  screen.say(paint('green', `Started ${name} again (pid ${pid})`));
};

interface LogSource extends AsyncDisposable {
  /** 0 to 1. */
  progress(stored: number): number;
  /** True when nothing more will be written. */
  ended(): boolean;
}

const startWriter = async ({ plan, writer }: DemoOptions, { trouble, screen }: Props): Promise<LogSource> => {
  const order: WriterPlan = { dir: plan.dir, hosts: plan.hosts, hours: plan.hours, ...writer };
  const script = fileURLToPath(moduleBeside(import.meta.url, 'writer'));
  const child = await startChild(
    'writer',
    [script, JSON.stringify(order)],
    demoPaths(plan.dir).log('writer'),
  );
  const began = performance.now();
  const lasts = plan.hours.length * writer.secondsPerHour * 1000;
  let dismissed = false;
  void child.ended.then(async (end) => {
    if (end !== 'exit code 0' && !dismissed) trouble.abort(await endedError(child, end));
  });
  screen.say(
    `Access logs of ${plural(plan.hosts.length, 'host')} grow, an hour every ${writer.secondsPerHour} s for ${plural(plan.hours.length, 'hour')}`,
  );
  return {
    progress: () => (performance.now() - began) / lasts,
    ended: () => child.end === 'exit code 0',
    [Symbol.asyncDispose]() {
      dismissed = true;
      return child[Symbol.asyncDispose]();
    },
  };
};

const placeAll = async ({ plan, input, inputBytes }: DemoOptions): Promise<LogSource> => {
  const { source } = demoPaths(plan.dir);
  for (const [index, { host, hour }] of plan.expected.entries())
    await placeInput(input[index]!, source(host, hour));
  return {
    progress: (stored) => (inputBytes === 0 ? 1 : stored / inputBytes),
    ended: () => true,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
};

/** Runs the very commands that a user would run. */
const prove = async (
  plan: DemoPlan,
  { out, paint, main }: DemoContext,
  stop: AbortSignal,
): Promise<boolean> => {
  const commands = proofCommands(plan);
  const codes: number[] = [];
  for (const args of [commands.status, commands.audit]) {
    out.write(`\n${paint('bold', `$ ${commandLine(args)}`)}\n\n`);
    const child = spawn(process.execPath, [fileURLToPath(main), ...args], { stdio: 'inherit', signal: stop });
    const [code] = (await once(child, 'exit')) as [number | null];
    codes.push(code ?? 1);
  }
  return codes.every((code) => code === 0);
};

/** A multiple of what the demo should take: it ends, whatever happens. */
const timeLimit = ({ plan, writer, inputBytes }: DemoOptions): number =>
  GRACE_MS + 2 * plan.hours.length * writer.secondsPerHour * 1000 + inputBytes / SLOWEST_BYTES_A_MS;
