/**
 * Retention with real processes: the sink is killed at each step of a removal, and while it forgets packs, and every hour that was
 * written is sealed with its own bytes all the same; then its file is gone, or whole, and never called missing.
 */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { FAULT_POINTS, type FaultPoint } from '../../src/fault/fault.ts';
import { linesIn, sha256, storedPath } from './compare.ts';
import { bytesOf, hoursFrom, randomFrom } from './lines.ts';
import { runLogd } from './process.ts';
import { onRig, type Rig } from './rig.ts';
import { decompressFrames } from './zstd.ts';

type Compression = 'none' | 'zstd';

const MOST_HOURS = 20;
const BYTES = 4 * 4096;
const hours = hoursFrom('2026112200', MOST_HOURS);

/** Writes hours until the sink has died at each of these passes, one life after the other. */
const killAt = async (rig: Rig, point: FaultPoint, passes: readonly number[]): Promise<void> => {
  const random = randomFrom(1);
  let written = 0;
  for (const pass of passes) {
    const sink = rig.spawn('sink', `${point}:${pass}`);
    while (sink.exit === undefined) {
      const hour = hours[written++];
      assert.ok(hour !== undefined, `${point} was not passed often enough in ${MOST_HOURS} hours`);
      await rig.sources.write('web1', 'access', hour, bytesOf(hour, BYTES, random));
      await rig.until(`${hour} is sealed, or the process dead`, async () => {
        if (sink.exit !== undefined) return true;
        return (await rig.segments()).some((one) => one.hour === hour && one.state === 'sealed');
      });
      // Time for a look of the retention.
      for (let n = 0; n < 30 && sink.exit === undefined; n++)
        await new Promise((resolve) => void setTimeout(resolve, 50));
    }
    assert.equal((await sink.ended).signal, 'SIGKILL');
  }
};

const assertSeals = async (rig: Rig): Promise<void> => {
  const ledger = await rig.ledger();
  for (const { key, name, bytes } of rig.sources.expected()) {
    const seals = await ledger.seals(key);
    assert.equal(seals.length, 1, name);
    assert.deepEqual([seals[0]?.sha256, seals[0]?.lines], [sha256(bytes), linesIn(bytes)], name);
  }
};

const stored = async (rig: Rig): Promise<string[]> =>
  (await readdir(rig.path('stored'))).filter((name) => !name.startsWith('.'));

const auditText = async (rig: Rig): Promise<string> => {
  const { stdout, stderr, code } = await runLogd(['audit', '-c', rig.path('sink.yaml')]);
  assert.equal(code, 0, stdout + stderr);
  return stdout;
};

const RETAIN_POINTS = FAULT_POINTS.filter((point) => point.startsWith('retain.'));

describe('retention-correctness', { concurrency: 2 }, () => {
  for (const point of RETAIN_POINTS.filter((each) => each !== 'retain.before-archive'))
    it(`killed at ${point}, every hour is sealed, removed, and not missing`, (t) =>
      onRig(t, async (rig) => {
        await rig.configureSink({ retain: '1s' });
        await rig.configureAgent({ host: 'web1', streams: ['access'] });
        rig.spawn('web1');
        await killAt(rig, point, [1, 2]);
        rig.spawn('sink');
        await rig.sealed();
        await rig.until('all hours are removed', async () => {
          const segments = await rig.segments();
          return segments.every(({ removed }) => removed !== undefined) && (await stored(rig)).length === 0;
        });
        await rig.until('no marker is left', async () => (await readdir(rig.path('received'))).length === 0);
        await assertSeals(rig);
        const ledger = await rig.ledger();
        await rig.until('no removal is under way', async () => {
          const { removing } = ledger as unknown as { removing(limit: number): Promise<unknown[]> };
          return (await removing(9)).length === 0;
        });
        const text = await auditText(rig);
        assert.match(text, /removed \(retention\)/);
        assert.doesNotMatch(text, /missing/);
      }));

  for (const compression of ['none', 'zstd'] as const satisfies readonly Compression[])
    it(`killed while packs are forgotten, every hour is sealed and its file whole, stored as ${compression}`, (t) =>
      onRig(t, async (rig) => {
        await rig.configureSink(
          { compression },
          { ledger: { path: rig.path('ledger.db'), keep_packs: '2s' } },
        );
        await rig.configureAgent({ host: 'web1', streams: ['access'] });
        rig.spawn('web1');
        await killAt(rig, 'retain.before-archive', [1, 3]);
        rig.spawn('sink');
        await rig.sealed();
        await rig.until('all packs are forgotten', async () =>
          (await rig.segments()).every(({ archived }) => archived === true),
        );
        await assertSeals(rig);
        for (const expected of rig.sources.expected()) {
          const file = await readFile(storedPath(rig, expected, compression));
          const bytes = compression === 'zstd' ? decompressFrames(file) : file;
          assert.ok(bytes.equals(expected.bytes), expected.name);
        }
        assert.match(await auditText(rig), /byte for byte identical/);
      }));
});
