import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readEnds, readPieces, readRange, wholeFiles } from '../../src/audit/pieces.ts';
import { sha256 } from '../flow/compare.ts';
import { bytesOf } from '../flow/lines.ts';

const inDirectory = async (job: (dir: string) => Promise<void>): Promise<void> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-pieces-'));
  try {
    await job(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};

test('several source files, or pieces of them, read as one', () =>
  inDirectory(async (dir) => {
    const files = ['one\n', '', 'two\nthree'].map((text, n) => ({ text, path: join(dir, String(n)) }));
    for (const { path, text } of files) await writeFile(path, text);
    const whole = wholeFiles(files.map(({ path, text }) => ({ path, size: text.length })));
    const { bytes, lines, sha256: digest } = await readPieces(whole);
    assert.deepEqual(
      { bytes, lines, digest },
      { bytes: 13, lines: 2, digest: sha256(Buffer.from('one\ntwo\nthree')) },
    );
    for (let from = 0; from <= 13; from++)
      for (let to = from; to <= 15; to++)
        assert.equal(String(await readRange(whole, from, to)), 'one\ntwo\nthree'.slice(from, to));

    const pieces = [
      { path: files[2]!.path, start: 4, end: 9, at: 10 },
      { path: files[0]!.path, start: 1, end: 3, at: 15 },
    ];
    assert.equal((await readPieces(pieces)).sha256, sha256(Buffer.from('threene')));
    assert.equal(String(await readRange(pieces, 12, 16)), 'reen');
    assert.equal(String(await readRange(pieces, 0, 11)), 't', 'what no piece has is left out');
  }));

test('both ends of a file come from one reading, wherever its parts end', () =>
  inDirectory(async (dir) => {
    const bytes = bytesOf('piece', 9 << 20);
    const path = join(dir, 'large');
    await writeFile(path, bytes);
    const whole = wholeFiles([{ path, size: bytes.length }]);
    const part = 4 << 20;
    for (const at of [0, 1, part - 1, part, part + 1, 2 * part, bytes.length - 1, bytes.length]) {
      let read = 0;
      const from = bytes.length - at;
      const { whole: all, headSha256, tail } = await readEnds(whole, at, from, (more) => void (read += more));
      assert.equal(read, bytes.length);
      assert.deepEqual([all.bytes, all.sha256], [bytes.length, sha256(bytes)]);
      assert.equal(headSha256, sha256(bytes.subarray(0, at)), `the first ${at}`);
      assert.deepEqual(tail, { bytes: at, sha256: sha256(bytes.subarray(from)) }, `from byte ${from}`);
    }
  }));
