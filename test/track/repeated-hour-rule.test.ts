import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { endOfLastLine, type RepeatedHourFacts, occurrenceOf } from '../../src/track/repeated-hour.ts';
import { openSource, type Source } from '../../src/tail/source.ts';

const facts = (some: Partial<RepeatedHourFacts>): RepeatedHourFacts => ({
  ...{ secondStart: 1000, now: 2000, birthtimeMs: 100, mtimeMs: 1500, watched: false, begun: false },
  ...some,
});

describe('fold', () => {
  it('before the second occurrence all is of the first', () => {
    assert.equal(occurrenceOf(facts({ now: 999 })), 'first');
    assert.equal(occurrenceOf(facts({ now: 999, watched: true, begun: true })), 'first');
  });
  it('a file that was watched, or was not written since, is split where it stands', () => {
    assert.equal(occurrenceOf(facts({ watched: true })), 'split');
    assert.equal(occurrenceOf(facts({ now: 1000, watched: true })), 'split');
    assert.equal(occurrenceOf(facts({ mtimeMs: 999 })), 'split');
    assert.equal(occurrenceOf(facts({ mtimeMs: 999, begun: true })), 'split');
  });
  it('a file that was born in the second occurrence is of the second', () => {
    assert.equal(occurrenceOf(facts({ birthtimeMs: 1000 })), 'second');
    assert.equal(
      occurrenceOf(facts({ birthtimeMs: 1000, begun: true })),
      'unknown',
      'some of it is shipped as the first',
    );
  });
  it('a file that was born after both is a copy, whose times say nothing', () => {
    assert.equal(occurrenceOf(facts({ birthtimeMs: 1000 + 3_600_000, now: 9e6, mtimeMs: 9e6 })), 'unknown');
    assert.equal(occurrenceOf(facts({ birthtimeMs: 999 + 3_600_000, now: 9e6, mtimeMs: 9e6 })), 'second');
  });
  it('a file that was written in both while nobody watched is unknown', () => {
    assert.equal(occurrenceOf(facts({})), 'unknown');
    assert.equal(occurrenceOf(facts({ begun: true })), 'unknown');
  });
});

describe('end of the last line', () => {
  const bytesAs = (bytes: Buffer): Pick<Source, 'read'> => ({
    read: (buffer, position) => Promise.resolve(bytes.copy(buffer, 0, position)),
  });
  const model = (bytes: Buffer, from: number, size: number): number => {
    for (let at = size; at > from; at--) if (bytes[at - 1] === 10) return at;
    return from;
  };

  it('is what a search from behind finds', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(10, 65, 66, 67), { maxLength: 60 }),
        fc.nat(60),
        fc.nat(60),
        async (list, a, b) => {
          const bytes = Buffer.from(list);
          const [from, size] = [a, b].map((n) => Math.min(n, bytes.length)).sort((x, y) => x - y);
          const found = await endOfLastLine(bytesAs(bytes) as Source, from!, size!);
          assert.equal(found, model(bytes, from!, size!));
        },
      ),
    );
  });
  it('is found in a real file beyond one step of reading', async (context) => {
    const root = await mkdtemp(join(tmpdir(), 'logd-fold-'));
    context.after(() => rm(root, { recursive: true }));
    const bytes = Buffer.alloc(200_000, 'x');
    bytes[10] = 10;
    await writeFile(join(root, 'log'), bytes);
    await using source = await openSource(join(root, 'log'));
    assert.equal(await endOfLastLine(source, 0, bytes.length), 11);
    assert.equal(await endOfLastLine(source, 11, bytes.length), 11);
  });
});
