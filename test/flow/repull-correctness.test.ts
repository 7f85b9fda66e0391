/**
 * Each single pack of an hour removed or damaged at the sink, at a relay and on the way: it comes again, and the hour is what its seal
 * says, or what cannot be had again is named. Also with `kill -9` at each step of a repair.
 */
import assert from 'node:assert/strict';
import { chmod, open, readdir, readFile, rename, rm, truncate } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { FAULT_POINTS } from '../../src/fault/fault.ts';
import type { PackRecord } from '../../src/ledger/ledger.ts';
import type { RepullRequest } from '../../src/ledger/repull.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts';
import { assertAudit, assertSealedEqual, storedPath } from './compare.ts';
import { bytesOf, hoursFrom } from './lines.ts';
import { runLogd } from './process.ts';
import { startProxy } from './proxy.ts';
import { freePort, onRig, type Rig } from './rig.ts';

type Compression = 'none' | 'zstd';

const [HOST, STREAM, HOUR] = ['web1', 'access', '2026112216'];
const KEY = { host: HOST, stream: STREAM, hour: HOUR };
const PACKS = 6;
const BYTES = PACKS * 4096 - 100;

const damage = async (path: string, at: number, length: number): Promise<void> => {
  await chmod(path, 0o644);
  const file = await open(path, 'r+');
  await file.write(Buffer.alloc(length, 0x5a), 0, length, at);
  await file.close();
  await chmod(path, 0o444);
};

/** Asks as `logd repull` does, without the start of a process. */
const ask = async (rig: Rig, packs: RepullRequest['packs'] = []): Promise<void> => {
  await using ledger = await openSqliteLedger({ path: rig.path('ledger.db'), beside: true });
  await ledger.requestRepull(KEY, packs, Date.now());
};

const outcome = async (rig: Rig): Promise<RepullRequest> => {
  let found: RepullRequest | undefined;
  await using ledger = await openSqliteLedger({ path: rig.path('ledger.db'), readOnly: true });
  await rig.until('the repull is over', async () => {
    found = await ledger.repull(KEY);
    return found?.state !== 'waiting';
  });
  return found!;
};

const configureChain = async (
  rig: Rig,
  relays: number,
  sink: Readonly<Record<string, unknown>> = {},
  compression: Compression = 'none',
) => {
  await rig.configureSink({ compression }, sink);
  let next = rig.port;
  const names: string[] = [];
  for (let n = 0; n < relays; n++) {
    const port = await freePort();
    const name = `relay${n + 1}`;
    await rig.configure(name, {
      relay: {
        listen: `127.0.0.1:${port}`,
        send_to: `127.0.0.1:${next}`,
        retry: { min: '10ms', max: '100ms' },
        patience: '50ms',
      },
    });
    names.push(name);
    next = port;
  }
  await rig.configureAgent({ host: HOST, streams: [STREAM], settings: { send_to: `127.0.0.1:${next}` } });
  return names;
};

/** Where each pack that has bytes lies in the stored file. */
const placesOf = async (rig: Rig): Promise<PackRecord[]> =>
  (await (await rig.ledger()).packs(KEY, 0, 1000)).filter(({ place }) => place.length > 0);

for (const compression of ['none', 'zstd'] as const)
  it(`each pack damaged or removed at the sink comes again through two relays (${compression})`, (t) =>
    onRig(t, async (rig) => {
      const names = await configureChain(rig, 2, {}, compression);
      for (const name of ['sink', ...names, HOST]) await rig.start(name);
      await rig.sources.write(HOST, STREAM, HOUR, bytesOf(HOST, BYTES));
      await rig.sealed();
      const [expected] = rig.sources.expected();
      const path = storedPath(rig, expected!, compression);
      const harm: [string, () => Promise<void>][] = (await placesOf(rig)).map(({ header, place }) => [
        `pack ${header.id} damaged`,
        () => damage(path, place.at + (place.length >> 1), Math.min(8, place.length)),
      ]);
      harm.push(
        ['the file removed', () => rm(path)],
        ['the file cut', () => chmod(path, 0o644).then(() => truncate(path, 5000))],
        ['more at the end', () => damage(path, expected!.bytes.length + 100, 10)],
      );
      for (const [what, harmNow] of harm) {
        await harmNow();
        await ask(rig);
        const { state, note } = await outcome(rig);
        assert.equal(state, 'done', `${what}: ${note}`);
        await assertSealedEqual(rig, { compression });
      }
      await assertAudit(rig, [HOST]);
    }));

it('packs that are swallowed on the way, each in an hour of its own, are asked for without a person', (t) =>
  onRig(t, async (rig) => {
    const hours = hoursFrom('2026112200', PACKS);
    const swallowed = new Set<string>();
    await rig.configureSink({}, { repull_after: '300ms' });
    const proxy = await startProxy(
      rig.port,
      (parcel, road) => {
        const { hour, id } = parcel.header;
        const isIt = hours.indexOf(hour) + 1 === id && !swallowed.has(hour);
        if (!isIt) return road.pass(parcel);
        swallowed.add(hour);
        road.lie(parcel);
      },
      true,
    );
    t.after(() => proxy[Symbol.asyncDispose]());
    await rig.configureAgent({
      host: HOST,
      streams: [STREAM],
      settings: { send_to: `127.0.0.1:${proxy.port}` },
    });
    await rig.start('sink');
    await rig.start(HOST);
    for (const hour of hours) await rig.sources.write(HOST, STREAM, hour, bytesOf(hour, BYTES));
    await rig.sealed();
    assert.equal(swallowed.size, hours.length);
    await assertSealedEqual(rig);
  }));

it('relays that lost their spools after they had acked: the agent sends the hour again', (t) =>
  onRig(t, async (rig) => {
    const names = await configureChain(rig, 2);
    const sink = await rig.start('sink');
    const relays = [await rig.start('relay1'), await rig.start('relay2')];
    await rig.start(HOST);
    await rig.sources.write(HOST, STREAM, '2026112215', bytesOf('first', BYTES));
    await rig.sealed();
    await rig.forgetLedger();
    await sink.end('SIGTERM');
    await rig.sources.write(HOST, STREAM, HOUR, bytesOf('lost', BYTES));
    await rig.until('the hour is acked', async () => {
      const files = await readdir(rig.path('state', HOST, 'held'));
      return files.length === 0 && relays[0]!.events.some(({ event }) => event === 'spool.taking-over');
    });
    for (const relay of relays) await relay.end('SIGKILL');
    for (const name of names) await rm(rig.path('state', name, 'spool'), { recursive: true });
    for (const name of ['sink', ...names]) await rig.start(name);
    await ask(rig);
    await rig.sealed();
    await assertSealedEqual(rig);
  }));

it('what its agent can read no more is named: in the ledger, by audit and by the command', (t) =>
  onRig(t, async (rig) => {
    await configureChain(rig, 1);
    for (const name of ['sink', 'relay1', HOST]) await rig.start(name);
    await rig.sources.write(HOST, STREAM, HOUR, bytesOf(HOST, BYTES));
    await rig.sealed();
    await rig.released(HOST);
    const [expected] = rig.sources.expected();
    const path = storedPath(rig, expected!);
    const { place } = (await placesOf(rig))[2]!;
    await damage(path, place.at + 10, 5);
    const audit = await runLogd(['audit', '-c', rig.path('sink.yaml')]);
    assert.equal(audit.code, 1);
    assert.match(audit.stdout, /logd repull web1 access 2026112216/);
    await rm(rig.sources.path(HOST, STREAM, HOUR));
    const before = await readFile(path);
    const { code, stdout } = await runLogd([
      'repull',
      HOST,
      STREAM,
      HOUR,
      '--wait',
      '-c',
      rig.path('sink.yaml'),
    ]);
    assert.equal(code, 1, stdout);
    assert.match(stdout, /Packs 3 cannot be had again: source-vanished/);
    assert.ok((await readFile(path)).equals(before), 'the damaged file stays as it is');
    assert.match((await runLogd(['audit', '-c', rig.path('sink.yaml')])).stdout, /source-vanished/);
    assert.match((await runLogd(['repull', '-c', rig.path('sink.yaml')])).stdout, /failed/);
  }));

it('a missing pack whose source is gone becomes a gap with its reason', (t) =>
  onRig(t, async (rig) => {
    await rig.configureSink({}, { repull_after: '300ms' });
    let isSwallowed = false;
    const proxy = await startProxy(
      rig.port,
      (parcel, road) => {
        if (parcel.header.id !== 2 || isSwallowed) return road.pass(parcel);
        isSwallowed = true;
        road.lie(parcel);
        void rm(rig.sources.path(HOST, STREAM, HOUR));
      },
      true,
    );
    t.after(() => proxy[Symbol.asyncDispose]());
    await rig.configureAgent({
      host: HOST,
      streams: [STREAM],
      settings: { send_to: `127.0.0.1:${proxy.port}` },
    });
    await rig.start('sink');
    await rig.start(HOST);
    await rig.sources.write(HOST, STREAM, HOUR, bytesOf(HOST, BYTES));
    await rig.until('the gap has a reason', async () =>
      (await rig.segments()).some(({ state, lostPacks }) => state === 'incomplete' && lostPacks === 1),
    );
    const gaps = await (await rig.ledger()).gaps(KEY, 10);
    assert.deepEqual(
      gaps.map(({ from, to, reason }) => ({ from, to, reason })),
      [{ from: 2, to: 2, reason: 'source-vanished' }],
    );
  }));

it('an agent that remembers no cuts says so, and the gap is named', (t) =>
  onRig(t, async (rig) => {
    await rig.configureSink({}, { repull_after: '300ms' });
    const proxy = await startProxy(
      rig.port,
      (parcel, road) => (parcel.header.id === 3 ? road.lie(parcel) : road.pass(parcel)),
      true,
    );
    t.after(() => proxy[Symbol.asyncDispose]());
    const settings = { send_to: `127.0.0.1:${proxy.port}`, keep_cuts: '0s' };
    await rig.configureAgent({ host: HOST, streams: [STREAM], settings });
    const sink = await rig.start('sink');
    await rig.start(HOST);
    await rig.sources.write(HOST, STREAM, HOUR, bytesOf(HOST, BYTES));
    await sink.event('repull.incomplete');
    const gaps = await (await rig.ledger()).gaps(KEY, 10);
    assert.deepEqual(gaps, [{ from: 3, to: 3, reason: 'missing', why: 'not-kept' }]);
    const { stdout } = await runLogd(['status', '-c', rig.path('sink.yaml')]);
    assert.match(stdout, /pack 3 missing for good \(not-kept\)/);
  }));

it('a refused hour is repaired, proven again and sealed', (t) =>
  onRig(t, async (rig) => {
    await rig.configureSink();
    await rig.configureAgent({ host: HOST, streams: [STREAM], ends: 'by-successor' });
    const first = await rig.start('sink');
    await rig.start(HOST);
    await rig.sources.append(HOST, STREAM, HOUR, bytesOf('first', BYTES));
    const all = rig.sources.expected()[0]!.bytes.length;
    await rig.until('all packs are here', async () =>
      (await rig.segments()).some(({ bytes }) => bytes === all),
    );
    await rig.forgetLedger();
    await first.end('SIGTERM');
    const [expected] = rig.sources.expected();
    await damage(storedPath(rig, expected!), 6000, 5);
    await chmod(storedPath(rig, expected!), 0o644);
    const sink = await rig.start('sink');
    await rig.sources.append(HOST, STREAM, '2026112217', bytesOf('second', 1000));
    await rig.sources.append(HOST, STREAM, '2026112218', bytesOf('third', 1000));
    await sink.event('seal.refused');
    await ask(rig);
    const { state, note } = await outcome(rig);
    assert.equal(state, 'done', note);
    assert.equal((await (await rig.ledger()).segment(KEY))?.state, 'sealed');
    assert.ok((await readFile(storedPath(rig, expected!))).equals(expected!.bytes));
  }));

describe('a sink that is killed while it repairs goes on where it was', { concurrency: 2 }, () => {
  for (const point of FAULT_POINTS.filter((name) => name.startsWith('repair.')))
    for (const compression of point.endsWith('stage') ? (['none'] as const) : (['none', 'zstd'] as const))
      it(`killed at ${point} (${compression})`, (t) =>
        onRig(t, async (rig) => {
          await configureChain(rig, 0, {}, compression);
          const first = await rig.start('sink');
          await rig.start(HOST);
          await rig.sources.write(HOST, STREAM, HOUR, bytesOf(HOST, BYTES));
          await rig.sealed();
          await rig.forgetLedger();
          await first.end('SIGTERM');
          const [expected] = rig.sources.expected();
          await rename(storedPath(rig, expected!, compression), rig.path('damaged'));
          const victim = await rig.start('sink', `${point}:1`);
          await ask(rig);
          assert.equal((await victim.ended).signal, 'SIGKILL');
          await rig.start('sink');
          const { state, note } = await outcome(rig);
          assert.equal(state, 'done', note);
          await assertSealedEqual(rig, { compression });
        }));
});
