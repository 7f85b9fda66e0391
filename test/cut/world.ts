/**
 * An agent's stages in one process, between real files and a sink that records: tracker, cutter, follower and deliverer as
 * `followStream` puts them together, a real database of marks, real links, and a clock that only the test moves.
 *
 * A crash is an end at one of the places where the agent waits for something durable or for an answer: from then on nothing that
 * it calls has an effect or an answer.
 */
import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bufferPool } from '../../src/cut/buffer-pool.ts';
import { bytesToSee } from '../../src/cut/pack-end.ts';
import { releaseStaleHolds } from '../../src/track/release-stale-holds.ts';
import type { Marks } from '../../src/marks/marks.ts';
import { createSourceFiles, type SourceFiles } from '../../src/track/source-files.ts';
import { followStream, type StreamOptions } from '../../src/cut/stream.ts';
import { byteBudget } from '../../src/pack/byte-budget.ts';
import { createEncoder } from '../../src/pack/encoder.ts';
import { openDatabaseThread } from '../../src/sqlite/database-thread.ts';
import { type Holds, openHolds } from '../../src/tail/hold.ts';
import type { Clock } from '../../src/telemetry/clock.ts';
import { recordingSink, type RecordingSink } from './recording-sink.ts';

const DEADLINE_MS = 60_000;

export const until = async (condition: () => boolean | Promise<boolean>, what: string): Promise<void> => {
  for (const start = performance.now(); !(await condition()); await sleep(2))
    assert.ok(performance.now() - start < DEADLINE_MS, `waited in vain until ${what}`);
};

export interface FakeClock extends Clock {
  /** Both clocks go on. */
  advance(ms: number): void;
  /** How often the time was asked: an agent that lives asks at every look. */
  readonly asked: number;
}

/** `at`: as in `2026-11-22T16:00Z`. */
export const fakeClock = (at: string): FakeClock => {
  let [now, monotonic, asked] = [Date.parse(at), 1000, 0];
  return {
    now: () => now,
    monotonic: () => {
      asked++;
      return monotonic;
    },
    advance(ms) {
      now += ms;
      monotonic += ms;
    },
    get asked() {
      return asked;
    },
  };
};

export interface Seen {
  readonly name: string;
  readonly fields: Readonly<Record<string, string | number>>;
}

/** Kills the agent at the n-th thing that it waits for. */
export interface Gate {
  dead: boolean;
  /** Things still to wait for; the last one takes effect when `done`, but the agent never learns of it. */
  left: number;
  done: boolean;
  /** What is under way: however long the disk takes, an agent that waits for it is not done. */
  busy: number;
}

const never = <T>(): Promise<T> => new Promise(() => undefined);

const pass = <T>(gate: Gate, act: () => Promise<T>): Promise<T> => {
  if (gate.dead) return never();
  if (--gate.left > 0) return act().then((value) => (gate.dead ? never() : value));
  gate.dead = true;
  if (gate.done) act().catch(() => undefined);
  return never();
};

const counted = async <T>(gate: Gate, work: Promise<T>): Promise<T> => {
  gate.busy++;
  try {
    return await work;
  } finally {
    gate.busy--;
  }
};

/** Writes take a moment in which the agent can die without their having happened. */
const gatedMarks = (marks: Marks, gate: Gate): Marks => ({
  ...marks,
  read: (name, ...args) => pass(gate, () => counted(gate, marks.read(name, ...args))),
  write: (name, ...args) =>
    pass(gate, async () => {
      const { done } = gate;
      await new Promise((resolve) => setImmediate(resolve));
      return gate.dead && !done ? never() : counted(gate, marks.write(name, ...args));
    }),
});

const gatedHolds = (holds: Holds, gate: Gate): Holds => ({
  hold: (path, id) => pass(gate, () => counted(gate, holds.hold(path, id))),
  release: (id) => pass(gate, () => counted(gate, holds.release(id))),
  open: (id) => holds.open(id),
  list: () => holds.list(),
});

export interface WorldOptions {
  readonly zone?: string;
  /** Below the directory of logs. */
  readonly pattern?: string;
  readonly start?: string;
  readonly backlog?: 'before' | 'beside';
  readonly grace?: number;
  readonly quiet?: number;
  readonly size?: number;
  readonly maxLine?: number;
  readonly maxDelay?: number;
  readonly window?: number;
  readonly codec?: 'none' | 'zstd';
  /** What the clock shows at first. */
  readonly at?: string;
  /** Shared with other worlds, whose streams have other names; not closed at the end. */
  readonly marks?: Marks;
  readonly stream?: string;
  /** Wraps what the agent uses, for faults. */
  readonly wrap?: Partial<{ files(files: SourceFiles): SourceFiles; holds(holds: Holds): Holds }>;
}

export interface World {
  readonly clock: FakeClock;
  readonly sink: RecordingSink;
  readonly events: Seen[];
  readonly marks: Marks;
  readonly holds: Holds;
  readonly logs: string;
  /** Why the agent could not go on. */
  readonly fatal: unknown[];
  path(name: string): string;
  /** Appends to a file below the directory of logs; returns all that it should hold by now. */
  write(name: string, text: string | Buffer): Promise<Buffer>;
  /** Starts an agent for `streams`; it dies at the n-th wait where `dies` says so. */
  start(dies?: { after: number; done: boolean }, more?: WorldOptions, streams?: readonly string[]): void;
  /** True once the agent has met the end that `start` was told. */
  readonly dead: boolean;
  /** As SIGTERM does. */
  stop(): Promise<void>;
  /** As SIGKILL does. */
  crash(): Promise<void>;
  /** Resolves when the agent, as the clock stands, has nothing more to do, or is dead. */
  still(): Promise<void>;
  /** Moves the clock on in steps, waiting before and at each until the agent has nothing more to do. */
  pass(ms: number, step?: number): Promise<void>;
  named(name: string): Seen[];
  /** Names of the links that are held. */
  held(): Promise<string[]>;
}

/** Marks without the wait for others to share a transaction, which only costs time here. */
export const openTestMarks = (stateDir: string): Promise<Marks> =>
  openDatabaseThread({
    module: new URL('../../src/marks/marks-database.ts', import.meta.url),
    path: join(stateDir, 'marks.db'),
  });

export const openWorld = async (context: TestContext, options: WorldOptions = {}): Promise<World> => {
  const root = await mkdtemp(join(tmpdir(), 'logd-cut-'));
  const logs = join(root, 'logs');
  await mkdir(logs);
  const marks = options.marks ?? (await openTestMarks(root));
  const holds = await openHolds(join(root, 'held'));
  const clock = fakeClock(options.at ?? '2026-11-22T16:10:00Z');
  const sink = recordingSink(options.stream);
  const events: Seen[] = [];
  const fatal: unknown[] = [];
  const written = new Map<string, Buffer>();
  let agent: { gate: Gate; stop: () => Promise<void>; crash: () => Promise<void> } | undefined;

  const path = (name: string): string => join(logs, name);

  const start: World['start'] = (dies, more = {}, streams = [options.stream ?? 'access']) => {
    const all = { ...options, ...more };
    const { size = 64, maxLine = 64 } = all;
    const gate: Gate = { dead: false, left: dies?.after ?? Infinity, done: dies?.done ?? false, busy: 0 };
    const gated = gatedHolds(all.wrap?.holds?.(holds) ?? holds, gate);
    const own = createSourceFiles(gated);
    const files = all.wrap?.files?.(own) ?? own;
    const buffers = bufferPool(bytesToSee({ packBytes: size, maxLine }));
    const encode = createEncoder(1, 2);
    const ended = new AbortController();
    const shared: Omit<StreamOptions, 'stream' | 'source'> = {
      host: 'web1',
      keptAt: () => undefined,
      pack: {
        size,
        max_delay: all.maxDelay ?? 1000,
        max_line: maxLine,
        codec: all.codec ?? 'none',
      },
      pollInterval: 1,
      marks: gatedMarks(marks, gate),
      holds: gated,
      files,
      budget: byteBudget(Math.max(all.window ?? 64 * 1024, buffers.size)),
      buffers,
      encode: (raw) => counted(gate, encode(raw)),
      sender: { send: (pack) => pass(gate, () => sink.send(pack)) },
      clock,
      emit: (name, fields) => void (gate.dead || events.push({ name, fields })),
      onFatal: (error) => void (gate.dead || fatal.push(error)),
    };
    const ready = counted(gate, releaseStaleHolds(marks, holds));
    const running = streams.map(async (stream) => {
      const source = {
        path: join(logs, streams.length === 1 ? '' : stream, all.pattern ?? 'access.log.<%Y%m%d%H>'),
        zone: all.zone ?? 'UTC',
        start: all.start ?? 'beginning',
        backlog: all.backlog ?? 'before',
        end: { grace: all.grace ?? 60_000, quiet: all.quiet ?? 5_000 },
      };
      await ready;
      await followStream({ ...shared, stream, source }, ended.signal).catch((error: unknown) => {
        if (!gate.dead) fatal.push(error);
      });
    });
    /** As the end of a process: no ack that comes late may reach the marks beside the next agent, which has read them. */
    const end = async (opened: SourceFiles): Promise<void> => {
      gate.dead = true;
      await opened[Symbol.asyncDispose]();
      // What had been handed to the database before is done, or was not.
      await marks.read('host');
    };
    agent = {
      gate,
      async stop() {
        // A dead one waits for ever; one that is told to stop dies no more.
        gate.left = Infinity;
        ended.abort();
        if (!gate.dead) await Promise.all(running);
        await until(() => gate.busy === 0, 'nothing is under way');
        await end(files);
      },
      async crash() {
        ended.abort();
        await end(own);
      },
    };
  };

  const lives = (): boolean => agent !== undefined && !agent.gate.dead && fatal.length === 0;

  const still = async (): Promise<void> => {
    for (let before = '', same = 0; lives() && same < 3;) {
      const asked = clock.asked;
      await until(() => !lives() || clock.asked > asked + 60, 'the agent looks again');
      const now = [sink.sent.length, events.length, marks.counters().writes].join();
      same = now === before && agent?.gate.busy === 0 ? same + 1 : 0;
      before = now;
    }
  };

  const end = async (how: 'stop' | 'crash'): Promise<void> => {
    const one = agent;
    agent = undefined;
    await one?.[how]();
  };

  context.after(async () => {
    await end('crash');
    if (options.marks === undefined) await marks[Symbol.asyncDispose]();
    await rm(root, { recursive: true, force: true });
  });

  return {
    ...{ clock, sink, events, marks, holds, logs, fatal, path, start, still },
    async write(name, text) {
      await mkdir(dirname(path(name)), { recursive: true });
      await appendFile(path(name), text);
      const all = Buffer.concat([written.get(name) ?? Buffer.alloc(0), Buffer.from(text)]);
      written.set(name, all);
      return all;
    },
    get dead() {
      return agent?.gate.dead ?? true;
    },
    stop: () => end('stop'),
    crash: () => end('crash'),
    async pass(ms, step = Math.ceil(ms / 3)) {
      await still();
      for (let gone = 0; gone < ms; gone += step) {
        clock.advance(Math.min(step, ms - gone));
        await still();
      }
    },
    named: (name) => events.filter((event) => event.name === name),
    held: async () => (await holds.list()).map(({ dev, ino }) => `${dev}-${ino}`),
  };
};

/** `count` lines that tell their number. */
export const lines = (count: number, from = 1): string =>
  Array.from({ length: count }, (_, n) => `line ${from + n} ${'x'.repeat((from + n) % 13)}\n`).join('');
