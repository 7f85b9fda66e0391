import assert from 'node:assert/strict';
import { it } from 'node:test';
import { someZoneHas } from '../../src/pack/day-length.ts';

const CASES: readonly (readonly [day: string, hours: number, has: boolean])[] = [
  ['20261122', 24, true],
  ['20261025', 25, true], // Europe
  ['20261025', 26, true], // Troll, Antarctica
  ['20261025', 23, false],
  ['20260329', 23, true],
  ['20260329', 22, true],
  ['20261101', 25, true], // North America
  ['20260405', 25, true], // Sydney; Lord Howe has 01 and 01b
  ['20261122', 23, false],
  ['20261122', 25, false],
  ['20261122', 1, false],
  ['20261122', 48, false],
  ['20141026', 25, true], // Russia, for the last time
];

it('knows the days on which a clock is set somewhere', async () => {
  for (const [day, hours, has] of CASES)
    assert.equal(await someZoneHas(day, hours), has, `${day} with ${hours} hours`);
});
