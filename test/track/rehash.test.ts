import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { it } from 'node:test';
import fc from 'fast-check';
import type { Run } from '../../src/marks/cut.ts';
import { type ReadSource, rehash } from '../../src/track/rehash.ts';
import type { Source } from '../../src/tail/source.ts';

/** Sources 0, 1, …, of these contents. */
const reading =
  (contents: readonly Buffer[]): ReadSource =>
  (id, work) =>
    work({
      read: (buffer: Uint8Array, position: number) =>
        Promise.resolve(contents[id]!.copy(buffer, 0, position)),
    } as Source);

const forEver = new AbortController().signal;

it('is the digest of the runs, one after the other', async () => {
  const contents = fc.array(
    fc.uint8Array({ maxLength: 50 }).map((list) => Buffer.from(list)),
    { minLength: 1, maxLength: 4 },
  );
  await fc.assert(
    fc.asyncProperty(
      contents,
      fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat()), { maxLength: 6 }),
      async (files, picks) => {
        const runs = picks.map(([pick, a, b]): Run => {
          const source = pick % files.length;
          const ends = [a, b].map((n) => n % (files[source]!.length + 1));
          return { source, start: Math.min(...ends), end: Math.max(...ends) };
        });
        const hash = createHash('sha256');
        for (const { source, start, end } of runs) hash.update(files[source]!.subarray(start, end));
        assert.equal((await rehash(runs, reading(files), forEver))?.hex(), hash.digest('hex'));
      },
    ),
  );
});

it('takes more than one step for a large run, and stops when told', async () => {
  const content = Buffer.alloc(2_500_000, 'line\n');
  const run = { source: 0, start: 1, end: content.length };
  const expected = createHash('sha256').update(content.subarray(1)).digest('hex');
  assert.equal((await rehash([run], reading([content]), forEver))?.hex(), expected);
  await assert.rejects(rehash([run], reading([content]), AbortSignal.abort()), { name: 'AbortError' });
});

it('is none where a source has become shorter; what cannot be read now is an error', async () => {
  assert.equal(
    await rehash([{ source: 0, start: 0, end: 9 }], reading([Buffer.alloc(8)]), forEver),
    undefined,
  );
  const failing: ReadSource = () => Promise.reject(new Error('EMFILE'));
  await assert.rejects(rehash([{ source: 0, start: 0, end: 9 }], failing, forEver), /EMFILE/);
});
