import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseUpstream, ranked, shareOf, type UpstreamHealth } from '../../src/send/upstream-choice.ts';

const ups = ['a', 'b', 'c', 'd'].map((name) => ({ name, weight: 1 }));
const keys = Array.from({ length: 4000 }, (_, n) => `web${n}/access`);
const UP: UpstreamHealth = { connectedSince: 0, returned: false };
const AWAY: UpstreamHealth = { connectedSince: undefined, returned: false };
const choose = (key: string, away: readonly string[] = [], list = ups): string | undefined =>
  chooseUpstream(list, key, ({ name }) => (away.includes(name) ? AWAY : UP), 0, 1000)?.name;

describe('choice of an upstream', () => {
  it('spreads keys by weight', () => {
    const weighted = [
      { name: 'a', weight: 1 },
      { name: 'b', weight: 3 },
    ];
    const b = keys.filter((key) => choose(key, [], weighted) === 'b').length;
    assert.ok(Math.abs(b / keys.length - 0.75) < 0.03, String(b));
  });
  it('moves only the keys of the one that is away, to all others, and back', () => {
    const before = keys.map((key) => choose(key));
    const during = keys.map((key) => choose(key, ['b']));
    const moved = keys.flatMap((_, n) => (before[n] === during[n] ? [] : [[before[n], during[n]] as const]));
    assert.ok(moved.every(([from]) => from === 'b'));
    for (const other of ['a', 'c', 'd'])
      assert.ok(moved.filter(([, to]) => to === other).length > moved.length / 5);
    assert.deepEqual(
      keys.map((key) => choose(key)),
      before,
    );
  });
  it('does not depend on the order of the list', () => {
    assert.deepEqual(
      keys.map((key) => choose(key, [], ups.toReversed())),
      keys.map((key) => choose(key)),
    );
  });
  it('has none when all are away', () => {
    assert.equal(choose('x', ['a', 'b', 'c', 'd']), undefined);
  });
  it('gives one that returned a share that grows, and each key goes back once', () => {
    const at = (now: number): (string | undefined)[] =>
      keys.map(
        (key) =>
          chooseUpstream(
            ups,
            key,
            ({ name }) => (name === 'b' ? { connectedSince: 0, returned: true } : UP),
            now,
            1000,
          )?.name,
      );
    const own = keys.filter((key) => ranked(ups, key)[0]?.name === 'b').length;
    const counts = [0, 300, 600, 1000].map((now) => at(now).filter((name) => name === 'b').length);
    assert.ok(counts[0]! > own * 0.05 && counts[0]! < own * 0.4, counts.join());
    assert.ok(counts[0]! < counts[1]! && counts[1]! < counts[2]! && counts[2]! < counts[3]!, counts.join());
    assert.deepEqual(
      at(1000),
      keys.map((key) => choose(key)),
    );
    const early = at(300);
    const later = at(600);
    assert.ok(keys.every((key, n) => early[n] !== choose(key) || later[n] === choose(key)));
  });
  it('is shared from a tenth to all', () => {
    assert.equal(shareOf(AWAY, 5, 100), 0);
    assert.equal(shareOf({ connectedSince: 0, returned: true }, 0, 100), 0.1);
    assert.equal(shareOf({ connectedSince: 0, returned: true }, 50, 100), 0.5);
    assert.equal(shareOf({ connectedSince: 0, returned: true }, 500, 100), 1);
    assert.equal(shareOf(UP, 0, 100), 1);
  });
});
