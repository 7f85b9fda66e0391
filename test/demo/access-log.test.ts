import assert from 'node:assert/strict';
import { it } from 'node:test';
import { constants, zstdCompressSync } from 'node:zlib';
import { accessLog } from '../../src/demo/access-log.ts';

const AT = Date.UTC(2026, 10, 22, 16, 3, 11);
const LINE =
  /^[0-9a-f.:]{7,39} - - \[(\d\d\/\w{3}\/2026:\d\d:\d\d:\d\d \+0000)\] "(?:GET|POST|HEAD) \/[!-~]* HTTP\/\d\.\d" \d{3} \d{1,5} "[!-~]+" "[ -~]+" \d\.\d{3}$/;

const linesOf = (buffer: Buffer): string[] => {
  assert.equal(buffer.at(-1), 10);
  return buffer.toString('utf8', 0, buffer.length - 1).split('\n');
};

it('writes nginx lines of one second', () => {
  const lines = linesOf(accessLog({ seed: 1 }).lines(20_000, AT));
  assert.equal(lines.length, 20_000);
  for (const line of lines) {
    assert.match(line, LINE);
    assert.equal(LINE.exec(line)?.[1], '22/Nov/2026:16:03:11 +0000');
  }
  assert.equal(accessLog({ seed: 1 }).lines(0, AT).length, 0);
});

it('the same seed gives the same bytes, another one others', () => {
  const first = accessLog({ seed: 7 });
  const second = accessLog({ seed: 7 });
  assert.deepEqual(first.lines(100, AT), second.lines(100, AT));
  const next = first.lines(100, AT);
  assert.deepEqual(next, second.lines(100, AT));
  assert.notDeepEqual(next, accessLog({ seed: 7 }).lines(100, AT));
  assert.notDeepEqual(accessLog({ seed: 8 }).lines(100, AT), accessLog({ seed: 7 }).lines(100, AT));
});

it('bytes come in whole lines, the wanted size and one line at most', () => {
  const chunks = [...accessLog({ seed: 3 }).bytes(5_000_000, AT)];
  for (const chunk of chunks) assert.ok(chunk.length <= 1 << 20 && chunk.at(-1) === 10);
  const all = Buffer.concat(chunks);
  assert.ok(all.length >= 5_000_000 && all.length < 5_001_024);
  const lines = linesOf(all);
  for (const line of lines) assert.match(line, LINE);
  assert.match(lines[0]!, /16:03:11/);
  assert.match(lines.at(-1)!, /16:03:1[4-7]/);
  assert.deepEqual([...accessLog({ seed: 3 }).bytes(0)], []);
});

it('looks like a real log in size, spread and compressibility', () => {
  const lines = 50_000;
  const log = accessLog({ seed: 5 }).lines(lines, AT);
  const perLine = log.length / lines;
  assert.ok(perLine > 225 && perLine < 275, `${perLine} bytes a line`);
  const packed = zstdCompressSync(log, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
  const ratio = log.length / packed.length;
  assert.ok(ratio > 5 && ratio < 8, `zstd -1 shrinks it ${ratio} times`);
  const addresses = new Set(linesOf(log).map((line) => line.split(' ')[0]));
  assert.ok(addresses.size > 3000, `${addresses.size} addresses`);
});
