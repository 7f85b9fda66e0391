/** One byte of a sealed hour is changed on the sink's disk: `logd audit` names the pack and the bytes, and says no. */
import assert from 'node:assert/strict';
import { chmod, open } from 'node:fs/promises';
import { assertAudit, storedPath } from './compare.ts';
import { bytesOf, randomFrom, seedOf } from './lines.ts';
import { runLogd } from './process.ts';
import { flow, type Rig } from './rig.ts';

const BYTES = 40_000;

/** Changes one bit at a byte of a file; returns how to undo it. */
const flip = async (path: string, at: number, bit: number): Promise<void> => {
  await chmod(path, 0o644);
  const file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  byte[0] = byte[0]! ^ (1 << bit);
  await file.write(byte, 0, 1, at);
  await file.close();
  await chmod(path, 0o444);
};

const auditOf = async (rig: Rig): Promise<{ readonly code: number | null; readonly stdout: string }> =>
  runLogd(['audit', '-c', rig.path('sink.yaml')]);

for (const compression of ['none', 'zstd'])
  flow(
    `negative-stored: a flipped bit is named by pack and byte range, stored as ${compression}`,
    async (rig) => {
      const seed = seedOf();
      const random = randomFrom(seed);
      await rig.configureSink({ compression });
      await rig.configureAgent({ host: 'web1', streams: ['access', 'error'] });
      await rig.sources.write('web1', 'access', '2026112216', bytesOf('web1', BYTES));
      await rig.sources.write('web1', 'error', '2026112216', bytesOf('web2', BYTES));
      const sink = await rig.start('sink');
      await rig.start('web1');
      await rig.sealed();
      await sink.end('SIGTERM');
      await assertAudit(rig, ['web1']);

      const victim = rig.sources.expected()[0]!;
      const path = storedPath(rig, victim, compression);
      const ledger = await rig.ledger();
      const packs = await ledger.packs(victim.key, 0, 100);
      assert.ok(packs.length > 3);
      for (let n = 0; n < 4; n++) {
        const { header, place } = packs[Math.floor(random() * packs.length)]!;
        if (header.bytes === 0) continue;
        // The last bytes of a zstd frame are literals and sequences: none of its fields may be without meaning.
        const at = place.at + Math.floor(place.length * (0.5 + random() / 2));
        const bit = Math.floor(random() * 8);
        await flip(path, at, bit);
        const { code, stdout } = await auditOf(rig);
        const what = `LOGD_SEED=${seed}: bit ${bit} of byte ${at} in pack ${header.id}\n${stdout}`;
        assert.equal(code, 1, what);
        const range = `${header.offset}–${header.offset + header.bytes - 1}`;
        assert.match(stdout, new RegExp(`web1/access/2026112216: pack ${header.id} .*bytes ${range} `), what);
        assert.doesNotMatch(stdout, /web1\/error/, what);
        await flip(path, at, bit);
      }
      assert.equal((await auditOf(rig)).code, 0);
    },
  );

flow(
  'audit-open: an hour that is still open is neutral, and a fault only where it is asked for',
  async (rig) => {
    await rig.configureSink();
    await rig.configureAgent({ host: 'web1', streams: ['access'], ends: 'by-successor' });
    await rig.sources.write('web1', 'access', '2026112216', bytesOf('web1', 1000));
    const audit = (...options: string[]) => runLogd(['audit', '-c', rig.path('sink.yaml'), ...options]);
    await rig.start('sink');
    await rig.start('web1');
    await rig.until('it has arrived', async () => (await rig.segments()).some(({ bytes }) => bytes >= 1000));
    assert.match((await audit('--skip-open')).stdout, /No segment is selected \(1 still open, not counted\)/);
    await rig.sources.write('web1', 'access', '2026112217', bytesOf('web2', 1000));
    await rig.until('the first is sealed', async () =>
      (await rig.segments()).some(({ state }) => state === 'sealed'),
    );
    await rig.until('the second has begun', async () => (await rig.segments()).length === 2);
    const { code, stdout } = await audit();
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^· +web1 +access +2026-11-22 17 +open/m);
    assert.match(stdout, /1 of 1 segment sealed \(1 still open, not counted\)/);
    assert.doesNotMatch(stdout, /✗/);
    assert.doesNotMatch((await audit('--skip-open')).stdout, /2026-11-22 17/);
    const asked = await audit('--open');
    assert.equal(asked.code, 1);
    assert.match(asked.stdout, /✗ web1\/access\/2026112217 is not sealed: it is open/);
  },
);
