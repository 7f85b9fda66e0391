import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { bytesToSee, type CutRule, cutPoint } from '../../src/cut/pack-end.ts';

const cut = (text: string, rule: Partial<CutRule> = {}) =>
  cutPoint(Buffer.from(text), { packBytes: 8, maxLine: 12, final: false, ...rule });

describe('cutter', () => {
  it('ends behind the last newline that fits', () => {
    assert.deepEqual(cut('ab\ncd\nef'), { length: 6, split: false });
    assert.deepEqual(cut('ab\ncd\nefghijkl\n'), { length: 6, split: false });
    assert.deepEqual(cut('1234567\n'), { length: 8, split: false });
    assert.deepEqual(cut('\n\n\n'), { length: 3, split: false });
  });
  it('takes a first line that is longer than a pack whole', () => {
    assert.deepEqual(cut('123456789\nab\n'), { length: 10, split: false });
    assert.deepEqual(cut('12345678901\n'), { length: 12, split: false });
  });
  it('splits a line that is longer than allowed', () => {
    assert.deepEqual(cut('123456789012\n'), { length: 12, split: true });
    assert.deepEqual(cut('123456789012'), { length: 12, split: true });
    assert.deepEqual(cut('12345678', { maxLine: 4 }), { length: 8, split: true });
  });
  it('waits for the end of a line, unless nothing is to come', () => {
    assert.deepEqual(cut('abc'), { length: 0, split: false });
    assert.deepEqual(cut('abc', { final: true }), { length: 3, split: false });
    assert.deepEqual(cut('a\nbc', { final: true }), { length: 4, split: false });
    assert.deepEqual(cut('123456789012', { final: true }), { length: 12, split: false });
    assert.deepEqual(cut('', { final: true }), { length: 0, split: false });
  });

  const content = fc
    .array(fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 0, max: 255 }) }, fc.constant(10)), {
      maxLength: 300,
    })
    .map((bytes) => Buffer.from(bytes));

  it('packs laid end to end are the file, whatever is visible when', () => {
    const rules = fc.record({
      packBytes: fc.integer({ min: 1, max: 64 }),
      maxLine: fc.integer({ min: 1, max: 64 }),
    });
    fc.assert(
      fc.property(
        content,
        rules,
        fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
        (file, rule, growth) => {
          const most = bytesToSee(rule);
          const packs: Buffer[] = [];
          let [visible, at] = [0, 0];
          while (at < file.length) {
            const seen = file.subarray(at, Math.min(visible, at + most));
            const final = visible === file.length && at + seen.length === file.length;
            const { length, split } = cutPoint(seen, { ...rule, final });
            assert.ok(length <= seen.length && length <= most);
            if (length === 0) {
              assert.ok(!final, 'no progress though nothing is to come');
              assert.ok(seen.length < most, 'no progress though all is seen that may be asked for');
              visible = Math.min(file.length, visible + growth.next().value!);
              continue;
            }
            const pack = seen.subarray(0, length);
            packs.push(pack);
            at += length;
            const wholeLines = pack.at(-1) === 10;
            assert.ok(wholeLines || split || at === file.length, 'ends inside a line');
            if (split) assert.ok(length === most && !pack.includes(10), 'splits only what is too long');
            if (length > rule.packBytes)
              assert.ok([-1, length - 1].includes(pack.indexOf(10)), 'larger than a pack only for one line');
          }
          assert.ok(Buffer.concat(packs).equals(file));
        },
      ),
      { numRuns: 1000 },
    );
  });
  it('does not depend on what it sees behind the end of a pack', () => {
    fc.assert(
      fc.property(content, content, fc.integer({ min: 1, max: 32 }), (file, more, packBytes) => {
        const rule = { packBytes, maxLine: 48, final: false };
        const point = cutPoint(file, rule);
        fc.pre(point.length > 0 && file.length >= packBytes);
        assert.deepEqual(cutPoint(Buffer.concat([file, more]), rule), point);
      }),
    );
  });
});
