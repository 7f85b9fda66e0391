/** SIGTERM to a sink with thousands of hours that wait to be sealed: it exits in time, and the next start seals them all. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { openLedger } from '../../src/ledger/registry.ts';
import type { PackEntry } from '../../src/ledger/ledger.ts';
import type { PackHeader, VerifiedPack } from '../../src/pack/pack.ts';
import { checksumOf } from '../../src/pack/survey.ts';
import { openStore } from '../../src/stores/registry.ts';
import { flow, type Rig } from './rig.ts';

/** Four thousand files, and twice as many syncs, on a machine that may be busy. */
const DEADLINE = 300_000;

const HOURS = 4_000;
/** No directories of its own for each hour: the test is not about making them. */
const LAYOUT = '{stream}_{host}_{date}_{hour}.log';
/** Each sync takes so much longer that all seals take far longer than a stop may. */
const SLOW = 'disk.sync:1:40ms+';

const packOf = (n: number): VerifiedPack => {
  const raw = Buffer.from(`a line of web${n}\n`);
  const sha256 = createHash('sha256').update(raw).digest('hex');
  const header: PackHeader = {
    ...{ host: `web${n}`, stream: 'access', hour: '2026112216', id: 1, generation: 1, offset: 0 },
    ...{ bytes: raw.length, lines: 1, checksum: checksumOf(raw), sha256, codec: 'none' },
    time: Date.UTC(2026, 10, 22, 16, 59),
    done: { packs: 1, lines: 1, bytes: raw.length, sha256, hoursInDay: 24 },
  };
  return { header, raw, body: raw };
};

/** All hours complete, and none sealed: as a sink leaves them that was killed at the top of the hour. */
const fill = async (rig: Rig): Promise<void> => {
  await using ledger = await openLedger({ kind: 'sqlite', path: rig.path('ledger.db') }, 'own');
  const options = { kind: 'file', dir: rig.path('stored'), compression: 'none', layout: LAYOUT };
  await using store = await openStore(options, undefined);
  ledger.setStoreId(store.id);
  const entries: PackEntry[] = [];
  for (let n = 0; n < HOURS; n++) {
    const pack = packOf(n);
    entries.push({ header: pack.header, place: await store.write(pack, undefined), arrivedAt: Date.now() });
  }
  await store.flush();
  await ledger.commit(entries);
};

flow(
  'stop-waiting-seals: SIGTERM with 4,000 hours to be sealed exits 0 in time',
  async (rig) => {
    await rig.configure('sink', {
      shutdown_timeout: '10s',
      sink: {
        listen: `127.0.0.1:${rig.port}`,
        ledger: { path: rig.path('ledger.db') },
        markers: { dir: rig.path('received') },
        store: { kind: 'file', dir: rig.path('stored'), layout: LAYOUT },
      },
    });
    await fill(rig);
    const sink = await rig.start('sink', SLOW);
    await sink.event('seal.sealed');
    assert.deepEqual(await sink.end('SIGTERM'), { code: 0, signal: null });
    const names = sink.events.map(({ event }) => event);
    assert.ok(!names.includes('node.drain-timed-out'));
    const first = names.filter((name) => name === 'seal.sealed').length;
    assert.ok(first < HOURS, 'there were some left to seal');
    const next = await rig.start('sink');
    const isAll = (): boolean =>
      next.events.filter(({ event }) => event === 'seal.sealed').length === HOURS - first;
    await rig.until('all hours are sealed', isAll);
    assert.ok((await rig.segments()).every(({ state }) => state === 'sealed'));
  },
  DEADLINE,
);
