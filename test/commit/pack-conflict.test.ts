import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Neighbours, PackRecord } from '../../src/ledger/ledger.ts';
import type { PackHeader } from '../../src/pack/pack.ts';
import { fit } from '../../src/commit/pack-conflict.ts';
import { KEY } from './packs.ts';

/** Pack `id` with bytes `from` to `to`; its digest stands for its bytes. */
const header = (id: number, from: number, to: number): PackHeader => ({
  ...{ ...KEY, id, generation: 1, offset: from, bytes: to - from, lines: 0 },
  ...{ checksum: 0, sha256: `${from}-${to}`, codec: 'none', time: 0 },
});

const around = (packs: readonly PackHeader[], id: number): Neighbours => {
  const record = (pack: PackHeader | undefined): PackRecord | undefined =>
    pack && { header: pack, place: { at: 0, length: 0 }, arrivedAt: 0 };
  const [before, same, after] = [
    record(packs.findLast((pack) => pack.id < id)),
    record(packs.find((pack) => pack.id === id)),
    record(packs.find((pack) => pack.id > id)),
  ];
  return { ...(before && { before }), ...(same && { same }), ...(after && { after }) };
};

/** The trivially right answer: by the bytes that each pack has and those that it must have between them. */
const expected = (packs: readonly PackHeader[], pack: PackHeader): string => {
  const same = packs.find(({ id }) => id === pack.id);
  if (same !== undefined) return same.sha256 === pack.sha256 ? 'repeat' : 'conflict';
  const all = [...packs, pack].sort((a, b) => a.id - b.id);
  let [end, id] = [0, 0];
  for (const each of all) {
    if (each.id === id + 1 ? each.offset !== end : each.offset < end) return 'conflict';
    [end, id] = [each.offset + each.bytes, each.id];
  }
  return 'new';
};

test('a pack fits exactly where packs can lie end to end with it', () => {
  const range = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.nat(12), fc.nat(4));
  fc.assert(
    fc.property(fc.array(range, { maxLength: 14 }), (tries) => {
      const packs: PackHeader[] = [];
      for (const [id, from, bytes] of tries) {
        const pack = header(id, from, from + bytes);
        const answer = fit(pack, around(packs, id));
        const brief = typeof answer === 'string' ? answer : 'conflict';
        assert.equal(brief, expected(packs, pack));
        if (brief === 'new') packs.splice(packs.findLastIndex((each) => each.id < id) + 1, 0, pack);
      }
    }),
    { numRuns: 2000 },
  );
});

test('a refusal names the neighbours that it contradicts', () => {
  const packs = [header(1, 0, 10), header(4, 30, 40)];
  const conflict = (pack: PackHeader): string => {
    const answer = fit(pack, around(packs, pack.id));
    return typeof answer === 'string' || 'invalid' in answer ? '' : answer.conflict;
  };
  assert.match(conflict(header(1, 0, 9)), /other bytes are stored under this name/);
  assert.match(conflict(header(2, 9, 12)), /bytes 9 to 12.*pack 1.*ends at byte 10/);
  assert.match(conflict(header(3, 20, 31)), /bytes 20 to 31.*pack 4.*begins at byte 30/);
  assert.match(conflict({ ...header(5, 40, 41), generation: 0 }), /generation/);
});
