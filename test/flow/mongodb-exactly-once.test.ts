/**
 * Real nodes and a real server: every line is in MongoDB once, with its content, after kill -9 of the sink at every fault point of
 * outputs, kill -9 of the server, replays and pauses; and a dead output disturbs nobody.
 */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { type MongoServer, mongoServerFor } from '../servers/mongo-server.ts';
import { caughtUp, documentsIn, mongoSettings, outputsOf } from './mongodb-rig.ts';
import { runLogd } from './process.ts';
import { flow, onRig, type Rig } from './rig.ts';

const HOURS = ['2026112200', '2026112201', '2026112202'];
const LINES = 600;

const hourBytes = (host: string, hour: string): Buffer =>
  Buffer.from(
    Array.from({ length: LINES }, (_, n) => `${JSON.stringify({ host, hour, n, path: `/p/${n}` })}\n`).join(
      '',
    ),
  );

const write = async (rig: Rig, host: string, hour: string): Promise<void> =>
  rig.sources.write(host, 'access', hour, hourBytes(host, hour));

interface Stored {
  readonly host: string;
  readonly hour: string;
  readonly n: number;
}

const storedIn = async (server: MongoServer): Promise<string[]> =>
  (await documentsIn(server))
    .map((each) => `${each['host']} ${each['hour']} ${each['n']} ${each['path']}`)
    .sort();

const expectedOf = (hosts: readonly string[], hours: readonly string[]): string[] =>
  hosts
    .flatMap((host) =>
      hours.flatMap((hour) =>
        hourBytes(host, hour)
          .toString()
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as Stored)
          .map(({ n }) => `${host} ${hour} ${n} /p/${n}`),
      ),
    )
    .sort();

const killedAt = async (rig: Rig, test: TestContext, points: readonly string[]): Promise<void> => {
  await using server = await mongoServerFor(test);
  if (server === undefined) return;
  await rig.configureSink({}, { outputs: { mongo: mongoSettings(server.uri, { start: 'beginning' }) } });
  await rig.configureAgent({ host: 'web1', streams: ['access'] });
  for (const hour of HOURS) await write(rig, 'web1', hour);
  rig.spawn('web1');
  for (const point of points) {
    const { signal } = await rig.spawn('sink', point).ended;
    assert.equal(signal, 'SIGKILL', `the sink did not die at ${point}`);
  }
  rig.spawn('sink');
  await rig.sealed();
  await caughtUp(rig, 'mongo', HOURS.length * LINES);
  assert.deepEqual(await storedIn(server), expectedOf(['web1'], HOURS));
};

describe('a sink that is killed', () => {
  it('around a delivery stores each line once', (test) =>
    onRig(test, (rig) =>
      killedAt(rig, test, [
        'output.after-deliver:2',
        'output.before-deliver:3',
        'output.after-position:4',
        'output.after-deliver:9',
      ]),
    ));

  it('while the ledger commits stores each line once', (test) =>
    onRig(test, (rig) =>
      killedAt(rig, test, ['ledger.after-commit:4', 'ledger.before-commit:12', 'ledger.after-commit:20']),
    ));
});

flow('a server that is dead at the start and killed later gets each line once', async (rig, test) => {
  await using server = await mongoServerFor(test, { start: false });
  if (server === undefined) return;
  await rig.configureSink({}, { outputs: { mongo: mongoSettings(server.uri, { start: 'beginning' }) } });
  await rig.configureAgent({ host: 'web1', streams: ['access'] });
  const sink = await rig.start('sink');
  rig.spawn('web1');
  await write(rig, 'web1', HOURS[0]!);
  await rig.sealed();
  const { reason } = await sink.event('output.failed');
  assert.match(String(reason), /MongoDB cannot be reached/);
  assert.equal((await outputsOf(rig)).get('mongo')?.state, 'failing');
  await server.start();
  await caughtUp(rig, 'mongo', LINES);
  await server.kill();
  for (const hour of HOURS.slice(1)) await write(rig, 'web1', hour);
  await rig.sealed();
  await server.start();
  await caughtUp(rig, 'mongo', HOURS.length * LINES);
  assert.deepEqual(await storedIn(server), expectedOf(['web1'], HOURS));
});

flow(
  'of two outputs one is dead: the other has everything; pause, resume and replay repeat nothing',
  async (rig, test) => {
    await using server = await mongoServerFor(test);
    if (server === undefined) return;
    const start = 'beginning';
    await rig.configureSink(
      {},
      {
        outputs: {
          alive: mongoSettings(server.uri, { start }),
          dead: mongoSettings('mongodb://logd:s3cret-word@127.0.0.1:9/', { start }),
        },
      },
    );
    for (const host of ['web1', 'web2']) await rig.configureAgent({ host, streams: ['access'] });
    const sink = await rig.start('sink');
    for (const host of ['web1', 'web2']) {
      rig.spawn(host);
      await write(rig, host, HOURS[0]!);
    }
    await rig.sealed();
    await caughtUp(rig, 'alive', 2 * LINES);
    await rig.until(
      'the dead output has failed',
      async () => (await outputsOf(rig)).get('dead')?.state === 'failing',
    );
    const dead = (await outputsOf(rig)).get('dead');
    assert.ok(dead !== undefined && dead.lag > 0 && dead.delivered === 0);
    assert.match(dead.error ?? '', /MongoDB cannot be reached/);

    const command = async (...args: readonly string[]): Promise<void> => {
      const { code, stderr } = await runLogd([...args, '-c', rig.path('sink.yaml')]);
      assert.equal(code, 0, stderr);
    };
    await command('outputs', 'pause', 'alive');
    await rig.until('it is paused', async () => (await outputsOf(rig)).get('alive')?.state === 'paused');
    await sink.end('SIGTERM');
    rig.spawn('sink');
    for (const host of ['web1', 'web2']) await write(rig, host, HOURS[1]!);
    await rig.sealed();
    assert.ok(((await outputsOf(rig)).get('alive')?.lag ?? 0) > 0, 'a paused output delivers nothing');
    assert.deepEqual(await storedIn(server), expectedOf(['web1', 'web2'], HOURS.slice(0, 1)));
    await command('outputs', 'resume', 'alive');
    await caughtUp(rig, 'alive', 4 * LINES);

    await server.client.db('logs').collection('access').deleteMany({ host: 'web2' });
    await command('outputs', 'replay', 'alive', '--hours', '20261122');
    await rig.until(
      'what was deleted is there again',
      async () => (await storedIn(server)).length === 4 * LINES,
    );
    await caughtUp(rig, 'alive', 4 * LINES);
    assert.deepEqual(await storedIn(server), expectedOf(['web1', 'web2'], HOURS.slice(0, 2)));
    const { stdout } = await runLogd(['status', '--outputs', '--json', '-c', rig.path('sink.yaml')]);
    const { deliveries } = JSON.parse(stdout) as {
      deliveries: { output: string; lines: number; delivered: number; skipped: number; rejected: number }[];
    };
    for (const each of deliveries.filter(({ output }) => output === 'alive'))
      assert.equal(each.delivered + each.skipped + each.rejected, each.lines);
    assert.doesNotMatch(sink.tail(), /s3cret/);
  },
);

flow('rejected records are listed, retried and dropped', async (rig, test) => {
  await using server = await mongoServerFor(test);
  if (server === undefined) return;
  const records = server.client.db('logs').collection('access');
  await records.createIndex({ n: 1 }, { unique: true });
  await rig.configureSink({}, { outputs: { mongo: mongoSettings(server.uri, { start: 'beginning' }) } });
  await rig.configureAgent({ host: 'web1', streams: ['access'] });
  await rig.start('sink');
  rig.spawn('web1');
  const lines = ['{"n":1}', '{"n":2}', 'no json', '{"n":1}', ''].join('\n');
  await rig.sources.write('web1', 'access', HOURS[0]!, Buffer.from(lines));
  await rig.sealed();
  await caughtUp(rig, 'mongo', 2);
  const rejects = (...args: readonly string[]) =>
    runLogd(['rejects', ...args, 'mongo', '-c', rig.path('sink.yaml')]);
  const listed = await rejects('list');
  assert.match(
    listed.stdout,
    /line 3: The line is not valid JSON.*\n.*line 4: E11000.*\n2 rejected records/s,
  );
  await records.dropIndex('n_1');
  const retried = await rejects('retry');
  assert.equal(retried.stdout, 'Delivered 1 rejected records; 1 are still refused.\n');
  assert.equal(retried.code, 1);
  assert.equal(await records.countDocuments(), 3);
  assert.equal((await rejects('drop')).code, 0);
  assert.match((await rejects('list')).stdout, /no rejected records/);
});
