/** A false number of hours cannot make a day complete. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { VerifiedPack } from '../../src/pack/pack.ts';
import { cutInto, KEY, logParts } from './packs.ts';
import { commitRig } from './rig.ts';

/** The one pack of an hour, with the number of hours in its day. */
const hourOf = async (hour: string, hoursInDay: number): Promise<VerifiedPack> => {
  const [pack] = await cutInto(logParts(1));
  const { header } = pack!;
  return { ...pack!, header: { ...header, hour, done: { ...header.done!, hoursInDay } } };
};

const answers = async (claims: readonly (readonly [hour: string, hours: number])[]): Promise<string[]> => {
  const rig = commitRig();
  const found: string[] = [];
  for (const [hour, hours] of claims) {
    const answer = await rig.put(await hourOf(hour, hours));
    found.push(answer.kind === 'ack' ? 'ack' : `${answer.code} ${answer.message}`);
  }
  return found;
};

const pack = (hour: string): string =>
  `invalid Pack 1 of ${KEY.host}/${KEY.stream}/${hour} says that the day`;

it('takes the days that there are', async () => {
  assert.deepEqual(
    await answers([
      ['2026112216', 24],
      ['20261122', 1],
      ['2026102502', 25],
      ['2026102502b', 25],
      ['2026032902', 0],
      ['2026032903', 23],
    ]),
    Array.from({ length: 6 }, () => 'ack'),
  );
});

it('refuses days that no zone has, and labels that contradict their number', async () => {
  assert.deepEqual(
    await answers([
      ['2026112216', 1],
      ['2026112217', 23],
      ['2026102502', 23],
      ['20261122', 24],
    ]),
    [
      `${pack('2026112216')} 20261122 has 1 segments, and no time zone has such a day.`,
      `${pack('2026112217')} 20261122 has 23 segments, and no time zone has such a day.`,
      `${pack('2026102502')} 20261025 has 23 segments, and no time zone has such a day.`,
      `${pack('20261122')} 20261122 has 24 segments, but its label is a whole day: that is 1.`,
    ],
  );
});

it('refuses an hour that says another number than those before it', async () => {
  assert.deepEqual(
    await answers([
      ['2026102501', 25],
      ['2026102503', 24],
      ['2026102504', 25],
    ]),
    ['ack', `${pack('2026102503')} 20261025 has 24 segments, and the hour 2026102501 of it says 25.`, 'ack'],
  );
});
