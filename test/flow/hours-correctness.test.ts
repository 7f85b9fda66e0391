/**
 * Hours of every kind, each in a stream of its own: no line, one, a whole number of packs, many; any bytes; lines of 10 MiB;
 * no last newline; hours without a file; a whole day; lines that come late. Stored raw and as zstd, and read with the tools
 * that a user has: sha256sum and zstd.
 */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { access } from 'node:fs/promises';
import { assertAudit, assertSealedEqual, linesIn, sha256, storedPath } from './compare.ts';
import { bytesOf, hoursFrom, linesOf, randomFrom } from './lines.ts';
import { runLogd, runProgram } from './process.ts';
import { onRig, type Rig } from './rig.ts';

type Compression = 'none' | 'zstd';

const HOST = 'web1';
const HOUR = '2026112216';
const NEXT = '2026112217';
const PACK = 4096;
const MAX_LINE = 1 << 20;
const DAY = '20261121';

/** Any bytes with newlines here and there: NUL, invalid UTF-8, lone CR and CR LF are all among them. */
const anyBytes = (count: number): Buffer => {
  const random = randomFrom(7);
  const bytes = Buffer.alloc(count);
  for (let n = 0; n < count; n++) bytes[n] = Math.floor(random() * 256);
  return Buffer.concat([bytes, Buffer.from('\0\0\r\n\r\n\n\n\xff\xfe\n\r\n', 'latin1')]);
};

const withoutNewline = (bytes: Buffer): Buffer => bytes.subarray(0, -1);

/** Lines of 64 bytes: a pack of 4 KiB holds 64 of them exactly. */
const even = (packs: number): Buffer =>
  Buffer.from(
    Array.from({ length: (packs * PACK) / 64 }, (_, n) => `${String(n).padStart(63, '.')}\n`).join(''),
  );

const longLine = (bytes: number): Buffer => Buffer.from('0123456789abcde '.repeat(bytes / 16));
const NEWLINE = Buffer.from('\n');

/** What each stream is written as, by hour. */
const cases: Readonly<Record<string, Readonly<Record<string, Buffer>>>> = {
  empty: { [HOUR]: Buffer.alloc(0), [NEXT]: Buffer.alloc(0) },
  one: { [HOUR]: Buffer.from('a single line\n'), [NEXT]: NEWLINE },
  even: { [HOUR]: even(3), [NEXT]: even(1) },
  many: { [HOUR]: bytesOf('many', 1_500_000) },
  any: { [HOUR]: anyBytes(50_000), [NEXT]: Buffer.concat([Buffer.alloc(10_000), NEWLINE]) },
  long: {
    [HOUR]: Buffer.concat([linesOf('short', 0, 3), longLine(10 << 20), NEWLINE, linesOf('short', 3, 3)]),
    [NEXT]: longLine(MAX_LINE),
  },
  unended: {
    [HOUR]: withoutNewline(linesOf('unended', 0, 500)),
    [NEXT]: Buffer.from('not one newline'),
    '2026112218': withoutNewline(even(2)),
  },
  sparse: { '2026112221': linesOf('before', 0, 10), '2026112302': linesOf('after', 0, 10) },
  day: Object.fromEntries(hoursFrom(`${DAY}00`, 24).map((hour) => [hour, linesOf(hour, 0, 3)])),
  late: {
    [HOUR]: linesOf('early', 0, 100),
    [NEXT]: withoutNewline(linesOf('early', 0, 100)),
    '2026112218': linesOf('early', 0, 100),
  },
};

const writeAll = async ({ sources }: Rig): Promise<void> => {
  for (const [stream, hours] of Object.entries(cases))
    for (const [hour, bytes] of Object.entries(hours)) await sources.write(HOST, stream, hour, bytes);
  for (const hour of hoursFrom('2026112222', 4)) sources.expectEmpty(HOST, 'sparse', hour);
};

const packsOf = async (rig: Rig, stream: string, hour: string) =>
  (await (await rig.ledger()).packs({ host: HOST, stream, hour }, 0, 100_000)).map(({ header }) => header);

/** Lines are cut where the options say. */
const assertCuts = async (rig: Rig): Promise<void> => {
  const sizes = (await packsOf(rig, 'even', HOUR)).map(({ bytes }) => bytes);
  assert.deepEqual(
    sizes.filter((bytes) => bytes > 0),
    [PACK, PACK, PACK],
  );
  for (const header of await packsOf(rig, 'many', HOUR)) assert.ok(header.bytes <= PACK);
  const long = await packsOf(rig, 'long', HOUR);
  assert.ok(
    long.some(({ bytes }) => bytes === MAX_LINE),
    'the long line is split at max_line',
  );
  assert.equal(Math.max(...long.map(({ bytes }) => bytes)), MAX_LINE);
};

const assertDayComplete = async (rig: Rig): Promise<void> => {
  const { stdout } = await runLogd(['status', '-c', rig.path('sink.yaml'), '--json', '--stream', 'day']);
  const { days } = JSON.parse(stdout) as { days: readonly Record<string, unknown>[] };
  assert.deepEqual(days, [{ host: HOST, stream: 'day', day: DAY, sealed: 24, hours: 24, complete: true }]);
  await access(rig.path('received', `${HOST}_day_${DAY}`));
};

/** Appends to hours that are sealed, once to one of them and twice to another. */
const assertLate = async (rig: Rig): Promise<Record<string, number>> => {
  await rig.sources.append(HOST, 'late', HOUR, linesOf('late', 0, 5));
  await rig.sources.append(HOST, 'late', NEXT, Buffer.from(' and its end\nnot ended again'));
  await rig.sources.append(HOST, 'empty', NEXT, linesOf('late', 0, 100));
  await rig.sealed();
  await rig.sources.append(HOST, 'late', HOUR, bytesOf('later', 3 * PACK));
  await rig.sealed();
  const { stdout } = await runLogd(['status', '-c', rig.path('sink.yaml'), '--json', '--stream', 'late']);
  const { segments } = JSON.parse(stdout) as { segments: readonly Record<string, unknown>[] };
  assert.deepEqual(
    segments.map(({ hour, state, generation, late }) => [hour, state, generation, late]),
    [
      [HOUR, 'sealed', 3, true],
      [NEXT, 'sealed', 2, true],
      ['2026112218', 'sealed', 1, false],
    ],
  );
  return { [`${HOST}/late/${HOUR}`]: 3, [`${HOST}/late/${NEXT}`]: 2, [`${HOST}/empty/${NEXT}`]: 2 };
};

/** The user's own tools read what is stored, and agree with the seals. */
const assertTools = async (t: TestContext, rig: Rig, compression: Compression): Promise<void> => {
  const script = {
    none: 'for file; do sha256sum < "$file" || exit 1; done',
    zstd: 'set -o pipefail; for file; do zstd -qdc < "$file" | sha256sum || exit 1; done',
  }[compression];
  if (compression === 'zstd' && (await runProgram('bash', ['-c', 'command -v zstd'])).code !== 0)
    return t.diagnostic('There is no zstd command here: only node:zlib has read the .zst files.');
  const expected = rig.sources.expected();
  const files = expected.map((each) => storedPath(rig, each, compression));
  const { code, stdout, stderr } = await runProgram('bash', ['-c', script, 'bash', ...files]);
  assert.equal(code, 0, stderr);
  const sums = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ', 1)[0]);
  assert.deepEqual(
    sums,
    expected.map(({ bytes }) => sha256(bytes)),
  );
};

const walk = async (t: TestContext, rig: Rig, compression: Compression): Promise<void> => {
  await rig.configureSink({ compression });
  await rig.configureAgent({ host: HOST, streams: Object.keys(cases) });
  await writeAll(rig);
  rig.spawn('sink');
  const agent = rig.spawn(HOST);
  await rig.sealed();
  await t.test('hours-*-correctness: sealed and stored as written', () =>
    assertSealedEqual(rig, { compression }),
  );
  await t.test('hours-multiple-of-pack, hours-long-line: cut as configured', () => assertCuts(rig));
  await t.test('hours-day-complete: 24 hours make the day', () => assertDayComplete(rig));
  await t.test('hours-late: a further generation, shown as late', async () => {
    const generations = await assertLate(rig);
    await assertSealedEqual(rig, { compression, generations });
  });
  await t.test('hours-tools: sha256sum and zstd agree with the seals', () =>
    assertTools(t, rig, compression),
  );
  await t.test('hours-audit: everything is as sealed', () => assertAudit(rig, [HOST]));
  const split = agent.events.filter(({ event }) => event === 'cut.line-split');
  assert.equal(split.length, 1, 'a line of 10 MiB is split, once told of');
  assert.equal(linesIn(cases['long']![HOUR]!), 7);
};

describe('hours', { concurrency: 2 }, () => {
  for (const compression of ['none', 'zstd'] as const)
    it(`hours-correctness, stored as ${compression}`, (t) => onRig(t, (rig) => walk(t, rig, compression)));
});
