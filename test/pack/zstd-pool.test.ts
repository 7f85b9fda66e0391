import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, createZstdCompress, zstdDecompressSync } from 'node:zlib';
import { joined, zstdPool } from '../../src/pack/zstd-pool.ts';

test('where there is no memory for a stream the run fails, and the next one has its turn', async () => {
  let fails = 3;
  const run = zstdPool((chunkSize) => {
    if (fails-- > 0) throw new RangeError('Array buffer allocation failed');
    return createZstdCompress({ chunkSize, flush: constants.ZSTD_e_end });
  }, 1);
  for (let n = 0; n < 3; n++) await assert.rejects(run(Buffer.from('a line\n')), RangeError);
  const { chunks, release } = await run(Buffer.from('a line\n'));
  assert.equal(zstdDecompressSync(joined(chunks)).toString(), 'a line\n');
  release();
});
