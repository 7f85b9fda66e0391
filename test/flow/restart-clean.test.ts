/** Nodes that stop in order, in a hurry, or start before the other side is there: nothing is lost, sent in vain, or stored twice. */
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { assertSealedEqual } from './compare.ts';
import { bytesOf, linesOf } from './lines.ts';
import { flow, type Rig } from './rig.ts';
import type { NodeProcess } from './process.ts';

const HOST = 'web1';
const STREAM = 'access';
const [FIRST, SECOND] = ['2026112216', '2026112217'];

/** Packs that the agent, which is not running, would send again. */
const unackedCuts = (rig: Rig): number => {
  using marks = new DatabaseSync(rig.path('state', HOST, 'marks.db'), { readOnly: true });
  return Number(marks.prepare('SELECT count(*) AS cuts FROM cuts').get()?.['cuts']);
};

const assertCalm = (...nodes: readonly NodeProcess[]): void => {
  for (const { name, events } of nodes)
    assert.deepEqual(
      events.filter(({ level, event }) => level === 'error' || event === 'node.drain-timed-out'),
      [],
      name,
    );
};

const arrived = (rig: Rig, bytes: number): Promise<void> =>
  rig.until(`${bytes} bytes have arrived`, async () =>
    (await rig.segments()).some((segment) => segment.bytes >= bytes),
  );

flow('restart-clean: SIGTERM and SIGINT drain, exit 0, and the next start goes on', async (rig) => {
  await rig.configureSink();
  await rig.configureAgent({ host: HOST, streams: [STREAM], ends: 'by-successor' });
  const nodes = [await rig.start('sink'), await rig.start(HOST)];

  await rig.sources.append(HOST, STREAM, FIRST, bytesOf('one', 400_000));
  await arrived(rig, 4000);
  assert.deepEqual(await nodes[1]!.end('SIGTERM'), { code: 0, signal: null });
  assert.equal(unackedCuts(rig), 0, 'what was in flight is acked');

  await rig.sources.append(HOST, STREAM, FIRST, bytesOf('two', 100_000));
  nodes.push(rig.spawn(HOST));
  await arrived(rig, 440_000);
  assert.deepEqual(await nodes[0]!.end('SIGINT'), { code: 0, signal: null });

  await rig.sources.append(HOST, STREAM, FIRST, bytesOf('three', 50_000));
  nodes.push(rig.spawn('sink'));
  await rig.configureAgent({ host: HOST, streams: [STREAM], ends: 'by-clock' });
  await arrived(rig, 500_000);
  assert.deepEqual(await nodes[2]!.end('SIGINT'), { code: 0, signal: null });
  nodes.push(rig.spawn(HOST));
  await rig.sealed();
  await assertSealedEqual(rig);
  assertCalm(...nodes);
});

flow('restart-clean: a sink that hangs holds nobody up; a second signal ends at once', async (rig) => {
  await rig.configureSink();
  const configure = (shutdown_timeout: string): Promise<string> =>
    rig.configureAgent({ host: HOST, streams: [STREAM], top: { shutdown_timeout } });
  const sink = await rig.start('sink');
  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    await configure('5m');
    const agent = await rig.start(HOST);
    await agent.event('send.connected');
    sink.signal('SIGSTOP');
    await rig.sources.append(HOST, STREAM, FIRST, bytesOf(signal, 100_000));
    await rig.until('packs are cut', () => unackedCuts(rig) > 0);
    agent.signal(signal);
    await agent.event('node.draining');
    assert.equal(agent.exit, undefined, 'it still waits for acks');
    agent.signal(signal);
    assert.deepEqual(await agent.ended, { code, signal: null });
    sink.signal('SIGCONT');
  }
  sink.signal('SIGSTOP');
  await configure('1s');
  const agent = await rig.start(HOST);
  assert.deepEqual(await agent.end('SIGTERM'), { code: 0, signal: null });
  assert.ok(unackedCuts(rig) > 0, 'what is not acked is left for the next start');
  sink.signal('SIGCONT');
  rig.spawn(HOST);
  await rig.sealed();
  assertCalm(sink);
});

flow('restart-clean: an agent that hangs does not hold the sink up', async (rig) => {
  await rig.configureSink();
  await rig.configureAgent({ host: HOST, streams: [STREAM] });
  await rig.sources.write(HOST, STREAM, FIRST, linesOf(FIRST, 0, 2000));
  const sink = await rig.start('sink');
  const agent = await rig.start(HOST);
  await rig.sealed();
  agent.signal('SIGSTOP');
  assert.deepEqual(await sink.end('SIGTERM'), { code: 0, signal: null });
  assertCalm(sink);
  agent.signal('SIGCONT');
  const again = await rig.start('sink');
  await rig.sources.write(HOST, STREAM, SECOND, linesOf(SECOND, 0, 2000));
  await rig.sealed();
  await assertSealedEqual(rig);
  assertCalm(agent, again);
});

flow(
  'restart-clean: without a sink an agent stops at once; what it has cut is left for its restart',
  async (rig) => {
    await rig.configureSink();
    // Half of it, the time for acks, is longer than the test may take.
    const top = { shutdown_timeout: '10m' };
    await rig.configureAgent({ host: HOST, streams: [STREAM], ends: 'by-successor', top });
    await rig.sources.append(HOST, STREAM, FIRST, bytesOf('one', 100_000));
    const waiting = await rig.start(HOST);
    await rig.until('packs are cut', () => unackedCuts(rig) > 0);
    await waiting.event('send.disconnected');
    assert.deepEqual(await waiting.end('SIGTERM'), { code: 0, signal: null });
    assert.ok(unackedCuts(rig) > 0);

    let sink = await rig.start('sink');
    const connected = await rig.start(HOST);
    await connected.event('send.connected');
    sink.signal('SIGSTOP');
    await rig.sources.append(HOST, STREAM, FIRST, bytesOf('two', 100_000));
    await rig.until('packs are cut', () => unackedCuts(rig) > 0);
    connected.signal('SIGTERM');
    await connected.event('node.draining');
    assert.equal(connected.exit, undefined, 'it waits for acks while there is a connection');
    await sink.end('SIGKILL');
    assert.deepEqual(await connected.ended, { code: 0, signal: null });

    sink = await rig.start('sink');
    await rig.configureAgent({ host: HOST, streams: [STREAM], ends: 'by-clock' });
    const last = await rig.start(HOST);
    await rig.sealed();
    await assertSealedEqual(rig);
    assertCalm(waiting, connected, last, sink);
  },
);

flow('start-before-sink: an agent waits for its sink, at its start and later', async (rig) => {
  await rig.configureSink();
  await rig.configureAgent({ host: HOST, streams: [STREAM] });
  await rig.sources.write(HOST, STREAM, FIRST, linesOf(FIRST, 0, 2000));
  const agent = await rig.start(HOST);
  const outages = (): number => agent.events.filter(({ event }) => event === 'send.disconnected').length;
  await rig.until('it has tried', () => outages() === 1);
  let sink = await rig.start('sink');
  await rig.sealed();
  await sink.end('SIGTERM');
  await rig.sources.write(HOST, STREAM, SECOND, linesOf(SECOND, 0, 2000));
  await rig.until('it has tried again', () => outages() === 2);
  sink = await rig.start('sink');
  await rig.sealed();
  await assertSealedEqual(rig);
  assertCalm(agent, sink);
});
