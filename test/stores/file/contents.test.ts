import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { contentsOf, readContents } from '../../../src/stores/file/contents.ts';
import { encodeSign } from '../../../src/stores/file/order.ts';
import { logLines } from '../../contract/recorder.ts';
import { scratch } from '../../contract/store.ts';

const [ONE, TWO] = [logLines(5000, 1), logLines(20_000, 3)];
const WHOLE = Buffer.concat([ONE, TWO]);
const CHECKED = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };
const ZEROS = Buffer.alloc(3 << 20);

const FORMS: readonly [string, Buffer, Buffer][] = [
  ['plain', WHOLE, WHOLE],
  ['nothing', Buffer.alloc(0), Buffer.alloc(0)],
  ['one zstd frame', zstdCompressSync(WHOLE), WHOLE],
  ['frames with checksums', Buffer.concat([ONE, TWO].map((part) => zstdCompressSync(part, CHECKED))), WHOLE],
  [
    'an order mark, an empty frame and two others',
    Buffer.concat([
      encodeSign({ packs: 2, bytes: 9 }),
      ...[Buffer.alloc(0), ONE, TWO].map((part) => zstdCompressSync(part)),
    ]),
    WHOLE,
  ],
  ['blocks of one repeated byte', zstdCompressSync(ZEROS), ZEROS],
  ['gzip members', Buffer.concat([gzipSync(ONE), gzipSync(TWO)]), WHOLE],
];

for (const [what, bytes, content] of FORMS)
  test(`gives the plain bytes of ${what}`, async (t) => {
    const path = join(await scratch(t), 'file');
    await writeFile(path, bytes);
    const parts: Buffer[] = [];
    for await (const part of contentsOf(path)) parts.push(Buffer.from(part));
    assert.ok(Buffer.concat(parts).equals(content));
    await using reader = readContents(path);
    for (let at = 0; at < content.length; at += 70_001)
      assert.ok((await reader.take(70_001)).equals(content.subarray(at, at + 70_001)), `from byte ${at}`);
    assert.equal((await reader.take(1)).length, 0);
  });

for (const [what, bytes] of [
  ['a frame that is cut short', zstdCompressSync(WHOLE).subarray(0, -3)],
  ['other bytes after a frame', Buffer.concat([zstdCompressSync(ONE), Buffer.from('GET / HTTP/1.1\n')])],
  ['gzip that is cut short', gzipSync(WHOLE).subarray(0, -9)],
] as const)
  test(`rejects ${what}`, async (t) => {
    const path = join(await scratch(t), 'file');
    await writeFile(path, bytes);
    await using reader = readContents(path);
    await assert.rejects(async () => {
      while ((await reader.take(1 << 20)).length > 0);
    }, /file cannot be decompressed: /);
  });
