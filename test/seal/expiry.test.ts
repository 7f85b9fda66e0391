import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expireOnce, startExpiry } from '../../src/seal/expiry.ts';
import { cutInto, KEY, logParts } from '../commit/packs.ts';
import { CLOCK, type SealRig, sealRig } from './rig.ts';

const HOUR = 3_600_000;

const optionsAt = (rig: SealRig, later: number) => ({
  ledger: rig.ledger,
  clock: { ...CLOCK, now: () => CLOCK.now() + later },
  emit: (name: SealRig['events'][number]['name'], fields: SealRig['events'][number]['fields']) =>
    void rig.events.push({ name, fields }),
  expireAfter: 4 * HOUR,
});

test('a segment that stays incomplete too long is closed, with its gaps named', async () => {
  await using rig = await sealRig();
  const packs = await cutInto(logParts(9));
  await rig.put(...[0, 3, 4, 8].map((index) => packs[index]!));
  await expireOnce(optionsAt(rig, 4 * HOUR));
  assert.equal(await rig.state(KEY), 'open');
  await expireOnce(optionsAt(rig, 4 * HOUR + 1));
  assert.equal(await rig.state(KEY), 'incomplete');
  await expireOnce(optionsAt(rig, 9 * HOUR));
  assert.deepEqual(
    rig.said('seal.incomplete').map((fields) => 'reason' in fields && fields.reason),
    ['no pack came for 4h; missing: packs 2 to 3, 6 to 8'],
  );
});

test('a segment that has no end is closed as well; sealed ones are left alone', async () => {
  await using rig = await sealRig();
  const other = { ...KEY, host: 'web2' };
  await rig.put((await cutInto(logParts(2)))[0]!, ...(await cutInto(logParts(2), { key: other })));
  await expireOnce(optionsAt(rig, 5 * HOUR));
  assert.deepEqual([await rig.state(KEY), await rig.state(other)], ['incomplete', 'sealed']);
  assert.match(JSON.stringify(rig.said('seal.incomplete')), /missing: the end/);
});

test('packs that still come make it whole after all', async () => {
  await using rig = await sealRig();
  const packs = await cutInto(logParts(4), { ends: [3, 4] });
  await rig.put(packs[0]!, packs[2]!);
  await expireOnce(optionsAt(rig, 5 * HOUR));
  await rig.put(packs[1]!);
  assert.equal(await rig.state(KEY), 'sealed');
  await rig.put(packs[3]!);
  assert.equal((await rig.ledger.seals(KEY)).length, 2);
});

test('it is looked at again and again, whatever fails, but not at the start, when agents are yet to come back', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  await using rig = await sealRig();
  let looks = 0;
  rig.ledger.fails = (call) => call === 'expire' && looks++ % 2 === 0;
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  await using expiry = startExpiry(optionsAt(rig, 0));
  for (const expected of [0, 1, 2, 3]) {
    await settle();
    assert.equal(looks, expected);
    t.mock.timers.tick(60_000);
  }
  assert.equal(rig.said('store.failed').length, 2);
  await expiry[Symbol.asyncDispose]();
});
