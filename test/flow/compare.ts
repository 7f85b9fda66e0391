/** Holds what the sink has against what was written: bytes, seals, markers, and that there is nothing else. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { DEFAULT_LAYOUT, layoutPath } from '../../src/stores/file/layout.ts';
import { runLogd } from './process.ts';
import type { Rig } from './rig.ts';
import type { Expected } from './sources.ts';
import { decompressFrames } from './zstd.ts';

export interface CompareOptions {
  readonly compression?: 'none' | 'zstd';
  /** By segment name; 1 where not given. */
  readonly generations?: Readonly<Record<string, number>>;
  /** Segments that are known to be under way and of which nothing is expected. */
  readonly open?: readonly string[];
}

const filesBelow = async (dir: string): Promise<string[]> => {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(dir, join(parentPath, name)))
    .sort();
};

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
export const linesIn = (bytes: Buffer): number => bytes.toString('latin1').split('\n').length - 1;

/** Which lines are missing, which came too often, and where the first difference is. */
export const describeDifference = (expected: Buffer, actual: Buffer): string => {
  const counts = new Map<string, number>();
  for (const line of expected.toString('latin1').split('\n')) counts.set(line, (counts.get(line) ?? 0) + 1);
  for (const line of actual.toString('latin1').split('\n')) counts.set(line, (counts.get(line) ?? 0) - 1);
  const lost = [...counts].filter(([, count]) => count > 0).map(([line]) => line.slice(0, 60));
  const extra = [...counts].filter(([, count]) => count < 0).map(([line]) => line.slice(0, 60));
  const at = expected.findIndex((byte, n) => byte !== actual[n]);
  return (
    `${actual.length} bytes where ${expected.length} were written, differing from byte ${at} on; ` +
    `${lost.length} lines missing (${lost.slice(0, 3).join(' | ')}), ` +
    `${extra.length} too many (${extra.slice(0, 3).join(' | ')})`
  );
};

/** The stored file of a segment. */
export const storedPath = (rig: Rig, { key }: Pick<Expected, 'key'>, compression = 'none'): string =>
  rig.path('stored', layoutPath(DEFAULT_LAYOUT, key) + (compression === 'zstd' ? '.zst' : ''));

const assertSegment = async (rig: Rig, expected: Expected, options: CompareOptions): Promise<void> => {
  const { name, key, bytes } = expected;
  const ledger = await rig.ledger();
  const record = (await ledger.segment(key))!;
  const generation = options.generations?.[name] ?? 1;
  assert.equal(record.state, 'sealed', `${name} is ${record.state}: ${record.reason}`);
  assert.equal(record.generation, generation, `${name} has an unexpected generation`);
  const seal = (await ledger.seals(key)).at(-1);
  assert.equal(seal?.generation, generation, name);
  assert.equal(seal.sha256, sha256(bytes), `${name}: the seal is not the SHA-256 of what was written`);
  assert.deepEqual([seal.lines, seal.bytes], [linesIn(bytes), bytes.length], name);
  const packs = await ledger.packs(key, 0, 1_000_000);
  let end = 0;
  for (const [n, { header }] of packs.entries()) {
    assert.deepEqual([header.id, header.offset], [n + 1, end], `${name} has a hole before pack ${header.id}`);
    end += header.bytes;
  }
  assert.deepEqual([packs.length, end], [seal.packs, bytes.length], name);
  const path = storedPath(rig, expected, options.compression);
  const stored = await readFile(path);
  const raw = options.compression === 'zstd' ? decompressFrames(stored) : stored;
  assert.ok(raw.equals(bytes), `${name}: ${raw.equals(bytes) ? '' : describeDifference(bytes, raw)}`);
  assert.equal((await stat(path)).mode & 0o777, 0o444, `${path} is not read-only`);
};

/** Everything that was written is stored byte for byte and sealed, with its marker, and there is nothing else. */
export const assertSealedEqual = async (rig: Rig, options: CompareOptions = {}): Promise<void> => {
  const expected = rig.sources.expected().sort((a, b) => (a.name < b.name ? -1 : 1));
  const open = options.open ?? [];
  const known = (await rig.segments()).map((record) => rig.sources.name(record));
  assert.deepEqual(
    known.filter((name) => !open.includes(name)).sort(),
    expected.map(({ name }) => name),
  );
  for (const each of expected) await assertSegment(rig, each, options);
  if (open.length > 0) return;
  const stored = (await filesBelow(rig.path('stored'))).filter((name) => !name.startsWith('.logd'));
  const paths = expected.map((each) =>
    relative(rig.path('stored'), storedPath(rig, each, options.compression)),
  );
  assert.deepEqual(stored, paths.sort(), 'the sink stores other files than the hours that were written');
  await assertMarkers(rig, expected);
};

/** One for each hour. Those of days are looked at where a day is complete. */
const assertMarkers = async (rig: Rig, expected: readonly Expected[]): Promise<void> => {
  const wanted = expected.map(({ key, bytes }) => `${key.host}_${key.stream}_${key.hour}_${linesIn(bytes)}`);
  const found = async (): Promise<string[]> =>
    (await readdir(rig.path('received'))).filter((name) => name.split('_').length === 4).sort();
  // They are written after the seal, which is all that was waited for.
  await rig.until('all hours have markers', async () => (await found()).length >= wanted.length);
  assert.deepEqual(await found(), wanted.sort());
};

/** `logd audit` finds everything as sealed, at the sink and at the sources. */
export const assertAudit = async (rig: Rig, hosts: readonly string[]): Promise<void> => {
  const sources = hosts.flatMap((host) => ['--sources', rig.path(`${host}.yaml`)]);
  const { code, stdout, stderr } = await runLogd(['audit', '-c', rig.path('sink.yaml'), ...sources]);
  assert.equal(code, 0, `${stdout}${stderr}`);
};
