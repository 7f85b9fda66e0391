import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { LogdError } from '../../src/error.ts';
import { cutInto, KEY, logParts } from '../commit/packs.ts';
import { type SealRig, sealRig } from './rig.ts';

/** Where sealing is cut off for good, as by a crash, and what is then there. */
const crashes: [string, (rig: SealRig) => void][] = [
  ['before the proof', (rig) => (rig.store.fails = (call) => call === 'read')],
  ['before the final form', (rig) => (rig.store.fails = (call) => call === 'seal')],
  ['between the final form and the seal', (rig) => (rig.ledger.fails = (call) => call === 'seal')],
  ['between the seal and its markers', (rig) => (rig.markerFails = (call) => call === 'sealed')],
  [
    'between the markers and the record of them',
    (rig) => (rig.ledger.fails = (call) => call === 'setDelivery'),
  ],
];

const mend = (rig: SealRig): void => {
  rig.store.fails = () => false;
  rig.ledger.fails = () => false;
  rig.markerFails = () => false;
};

for (const [where, arrange] of crashes)
  for (const generation of [1, 2])
    test(`a crash ${where} of generation ${generation} is mended, and starting again changes nothing`, async () => {
      await using rig = await sealRig();
      const packs = await cutInto(logParts(4), { ends: generation === 1 ? [4] : [2, 4] });
      if (generation === 2) await rig.put(...packs.slice(0, 2));
      arrange(rig);
      await rig.put(packs[3]!);
      await rig.put(...packs.slice(0, 3));
      mend(rig);
      await rig.restart();
      const look = async (): Promise<unknown> => [
        await rig.ledger.segment(KEY),
        await rig.ledger.seals(KEY),
        await rig.ledger.deliveries('markers', {}, { limit: 9 }),
        await rig.markerFiles(),
      ];
      const mended = await look();
      assert.equal(await rig.state(KEY), 'sealed');
      assert.equal((await rig.ledger.seals(KEY)).length, generation);
      assert.deepEqual(await rig.markerFiles(), [`web1_access_2026112216_${packs[3]!.header.done!.lines}`]);
      await rig.restart();
      await rig.restart();
      assert.deepEqual(await look(), mended);
      assert.equal(
        rig.said('seal.sealed').filter((fields) => 'generation' in fields && fields.generation === generation)
          .length,
        1,
      );
    });

test('a segment reopened before its marker was taken away, or ever written, has none after a restart', async () => {
  for (const unwritten of [true, false]) {
    await using rig = await sealRig();
    const packs = await cutInto(logParts(3), { ends: [1, 3] });
    rig.markerFails = () => unwritten;
    await rig.put(packs[0]!);
    assert.equal((await rig.markerFiles()).length, unwritten ? 0 : 1);
    rig.markerFails = () => true;
    assert.deepEqual(await rig.put(packs[1]!), ['storage']);
    assert.equal(await rig.state(KEY), 'open');
    mend(rig);
    await rig.restart();
    assert.deepEqual(await rig.markerFiles(), []);
    assert.deepEqual(await rig.put(packs[1]!, packs[2]!), ['ack', 'ack']);
    assert.deepEqual(await rig.markerFiles(), [`web1_access_2026112216_${packs[2]!.header.done!.lines}`]);
  }
});

test('every segment whose file is not as it is recorded is recovered once; a damaged one is refused and does not stop the others', async () => {
  await using rig = await sealRig();
  const keys = Array.from({ length: 300 }, (_, n) => ({ ...KEY, host: `web${n}` }));
  for (const key of keys) await rig.put((await cutInto(logParts(1), { key, ends: [] }))[0]!);
  await rig.put(...(await cutInto(logParts(1), { key: { ...KEY, host: 'sealed' } })));
  const recovered: string[] = [];
  rig.store.isAsRecorded = ({ host }) => Promise.resolve(Number(host.slice(3)) % 3 !== 1);
  rig.store.recover = ({ segment: { host } }) => {
    recovered.push(host);
    return host === 'web7'
      ? Promise.reject(new LogdError('corrupt', 'The file is too short.'))
      : Promise.resolve();
  };
  await rig.restart();
  const others = keys.filter((_, n) => n % 3 === 1).map(({ host }) => host);
  assert.deepEqual(recovered.toSorted(), others.toSorted());
  assert.equal(await rig.state(keys[7]!), 'refused');
  assert.equal(rig.said('seal.refused').length, 1);
});

test('what a crash left of a complete hour is put right before it is proven', async () => {
  await using rig = await sealRig();
  rig.store.fails = (call) => call === 'read';
  await rig.put(...(await cutInto(logParts(3))).toReversed());
  assert.equal(await rig.state(KEY), 'complete');
  mend(rig);
  const calls: string[] = [];
  rig.store.recover = () => Promise.resolve(void calls.push('recover'));
  rig.store.pause = (call) => Promise.resolve(void calls.push(call));
  await rig.restart();
  assert.deepEqual([await rig.state(KEY), calls], ['sealed', ['recover', 'read', 'seal']]);
});

test('an hour under way whose bytes are missing waits for them, and one that was closed is refused', async () => {
  await using rig = await sealRig();
  rig.store.fails = (call) => call === 'seal';
  const keys = ['open', 'complete', 'incomplete'].map((host) => ({ ...KEY, host }));
  for (const key of keys)
    await rig.put(...(await cutInto(logParts(1), { key, ends: key.host === 'complete' ? [1] : [] })));
  await rig.ledger.close(keys[2]!, 'incomplete', 'No pack came.');
  const { recover, isAsRecorded } = rig.store;
  rig.store.isAsRecorded = () => Promise.resolve(false);
  rig.store.recover = () =>
    Promise.reject(new LogdError('corrupt', 'The file is gone.', { retryable: true }));
  await rig.restart();
  assert.deepEqual(await Promise.all(keys.map(rig.state)), ['open', 'complete', 'refused']);
  const waiting = rig.said('store.missing').map((fields) => 'host' in fields && fields.host);
  assert.deepEqual(waiting, ['complete', 'open']);
  assert.equal(rig.said('seal.refused').length, 1);
  mend(rig);
  Object.assign(rig.store, { recover, isAsRecorded });
  await rig.restart();
  assert.equal(await rig.state(keys[1]!), 'sealed');
});

test('a start takes away markers that the ledger does not back, as when it is older than they are', async () => {
  await using rig = await sealRig();
  const hours = Array.from({ length: 24 }, (_, n) => ({
    ...KEY,
    hour: `20261122${String(n).padStart(2, '0')}`,
  }));
  for (const key of hours) await rig.put(...(await cutInto(logParts(2), { key })));
  await rig.put(...(await cutInto(logParts(2), { key: { ...KEY, hour: '20261123' } })));
  const backed = await rig.markerFiles();
  assert.equal(backed.length, 27);
  const open = { ...KEY, host: 'web2', stream: 'app' };
  await rig.put((await cutInto(logParts(2), { key: open, ends: [] }))[0]!);
  await rig.restart();
  assert.deepEqual([await rig.markerFiles(), rig.said('seal.markers-removed')], [backed, []]);
  const untrue = [
    'web1_access_2026112216_999',
    'web1_access_20261124',
    'web2_access_2026112216_1',
    'web3_access_2026112216_0',
  ];
  for (const name of [...untrue, 'README']) await writeFile(join(rig.dir, name), '');
  await rig.restart();
  assert.deepEqual(await rig.markerFiles(), ['README', ...backed]);
  const [told, ...more] = rig.said('seal.markers-removed');
  assert.ok(told !== undefined && 'files' in told && 'examples' in told);
  assert.deepEqual([told.files, more], [4, []]);
  for (const example of String(told.examples).split(', ')) assert.ok(untrue.includes(example), example);
});

test('a disk that fails is said once, and the start goes on', async () => {
  await using rig = await sealRig();
  const keys = Array.from({ length: 100 }, (_, n) => ({ ...KEY, host: `web${n}` }));
  for (const key of keys) await rig.put((await cutInto(logParts(1), { key, ends: [] }))[0]!);
  rig.store.isAsRecorded = () => Promise.reject(new Error('EIO'));
  rig.store.recover = () =>
    Promise.reject(new LogdError('storage', 'The disk is away.', { retryable: true }));
  await rig.restart();
  assert.deepEqual(rig.said('store.failed'), [{ reason: 'The disk is away.' }]);
});
