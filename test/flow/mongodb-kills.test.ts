/**
 * The sink is killed at each of its fault points, one life after the other, with MongoDB as an output: afterwards every line is in
 * its document, once. In both modes: a document a line, and lines merged by their key.
 */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { FAULT_POINTS } from '../../src/fault/fault.ts';
import { type MongoServer, mongoServerFor } from '../servers/mongo-server.ts';
import { hoursFrom } from './lines.ts';
import { caughtUp, documentsIn, mongoSettings } from './mongodb-rig.ts';
import { onRig, type Rig } from './rig.ts';

const HOSTS = ['web1', 'web2'];
const LINES = 300;
const KEYS = 40;
const MOST_HOURS = 40;

/** Those that a sink passes with each hour; a stored file is put in order only where packs came out of order. */
const POINTS = FAULT_POINTS.filter(
  (point) => /^(?:receive|store|sink|ledger|seal|output)\./.test(point) && !/^seal\.\w+-rename$/.test(point),
);

const DEADLINE_MS = 240_000;

interface Line {
  readonly transaction_id: string;
  readonly [field: string]: string | number;
}

/** Lines of a key share fields with earlier ones of their hour, so that their order shows; each host and hour has fields of its own. */
const linesOf = (host: string, hour: number): Line[] =>
  Array.from({ length: LINES }, (_, n) => ({
    transaction_id: `t${n % KEYS}`,
    [`${host}_${hour}_last`]: n,
    [`${host}_${hour}_${n % (KEYS * 3)}`]: n,
  }));

const writeHour = (rig: Rig, hour: number, label: string): Promise<unknown> =>
  Promise.all(
    HOSTS.map((host) => {
      const text = linesOf(host, hour).map((line) => `${JSON.stringify(line)}\n`);
      return rig.sources.write(host, 'access', label, Buffer.from(text.join('')));
    }),
  );

/** Writes an hour after the other until the sink has died; resolves with how many it took in all. */
const writeUntilDead = async (rig: Rig, point: string, written: number): Promise<number> => {
  const labels = hoursFrom('2026112200', MOST_HOURS);
  const { ended } = rig.spawn('sink', point);
  let end: { readonly signal: string | null } | undefined;
  void ended.then((how) => (end = how));
  let count = written;
  for (; end === undefined; count++) {
    assert.ok(count < MOST_HOURS, `The sink did not pass ${point}.`);
    await writeHour(rig, count, labels[count]!);
    // The next hour only comes where this one was stored whole without the point being passed.
    await rig.until('the hour is sealed, or the sink is dead', async () => {
      const sealed = (await rig.segments()).filter(({ state }) => state === 'sealed');
      return end !== undefined || sealed.length === (count + 1) * HOSTS.length;
    });
  }
  assert.equal(end.signal, 'SIGKILL', `the sink did not die at ${point}`);
  return count;
};

const killAtEachPoint = async (
  rig: Rig,
  test: TestContext,
  points: readonly string[],
  settings: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly server: MongoServer; readonly hours: number } | undefined> => {
  const server = await mongoServerFor(test);
  if (server === undefined) return undefined;
  test.after(() => server[Symbol.asyncDispose]());
  const mongo = mongoSettings(server.uri, { start: 'beginning', ...settings });
  await rig.configureSink({}, { outputs: { mongo } });
  for (const host of HOSTS) {
    await rig.configureAgent({ host, streams: ['access'] });
    rig.spawn(host);
  }
  let hours = 0;
  for (const point of points) hours = await writeUntilDead(rig, `${point}:2`, hours);
  rig.spawn('sink');
  await rig.sealed();
  await caughtUp(rig, 'mongo', hours * HOSTS.length * LINES);
  return { server, hours };
};

const eachLine = (hours: number): Line[] =>
  HOSTS.flatMap((host) => Array.from({ length: hours }, (_, hour) => linesOf(host, hour)).flat());

const withoutId = (documents: readonly Readonly<Record<string, unknown>>[]): string[] =>
  documents
    .map(({ _id, ...fields }) => JSON.stringify(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1))))
    .sort();

describe('a sink that is killed at every fault point', () => {
  it('stores each line once', (t) =>
    onRig(
      t,
      async (rig) => {
        const { server, hours = 0 } = (await killAtEachPoint(rig, t, POINTS)) ?? {};
        if (server === undefined) return;
        assert.deepEqual(withoutId(await documentsIn(server)), withoutId(eachLine(hours)));
      },
      DEADLINE_MS,
    ));

  it('merges lines of one key and hour in their order', (t) =>
    onRig(
      t,
      async (rig) => {
        const { server, hours = 0 } =
          (await killAtEachPoint(rig, t, POINTS, { mode: 'upsert', parallel: 1 })) ?? {};
        if (server === undefined) return;
        const merged = new Map<string, Line>();
        for (const line of eachLine(hours))
          merged.set(line.transaction_id, { ...merged.get(line.transaction_id), ...line });
        assert.deepEqual(withoutId(await documentsIn(server)), withoutId([...merged.values()]));
      },
      DEADLINE_MS,
    ));
});
