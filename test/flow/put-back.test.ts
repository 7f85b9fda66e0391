/**
 * What somebody puts in the place of a stored file: the same content is taken, however it is compressed, also while late lines wait for it;
 * anything else is left as it is, and named. `logd repair` restores an hour from any file with its content.
 */
import assert from 'node:assert/strict';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { assertSealedEqual, storedPath } from './compare.ts';
import { bytesOf } from './lines.ts';
import { runLogd } from './process.ts';
import { onRig, type Rig } from './rig.ts';

type Compression = 'none' | 'zstd';

const [HOST, STREAM, HOUR] = ['web1', 'access', '2026112216'];
const NAME = `${HOST}/${STREAM}/${HOUR}`;
const BYTES = 6 * 4096;

/** A sink with one sealed hour, and its agent. */
const sealOne = async (rig: Rig, compression: Compression) => {
  await rig.configureSink({ compression });
  await rig.configureAgent({ host: HOST, streams: [STREAM] });
  const sink = await rig.start('sink');
  await rig.start(HOST);
  await rig.sources.write(HOST, STREAM, HOUR, bytesOf(HOST, BYTES));
  await rig.sealed();
  const [expected] = rig.sources.expected();
  return { sink, path: storedPath(rig, expected!, compression), content: expected!.bytes };
};

const repair = (rig: Rig, ...options: string[]) =>
  runLogd(['repair', HOST, STREAM, HOUR, '--wait', '-c', rig.path('sink.yaml'), ...options]);

const CONTENTS: readonly [
  string,
  Compression,
  (content: Buffer) => readonly [suffix: string, bytes: Buffer],
][] = [
  ['compressed as one frame', 'zstd', (content) => ['.zst', zstdCompressSync(content)]],
  [
    'compressed as other frames',
    'zstd',
    (content) => {
      const cut = content.length >> 2;
      return [
        '.zst',
        Buffer.concat(
          [content.subarray(0, cut), content.subarray(cut)].map((part) => zstdCompressSync(part)),
        ),
      ];
    },
  ],
  ['plain in a store that compresses', 'zstd', (content) => ['', content]],
  ['compressed in a plain store', 'none', (content) => ['.zst', zstdCompressSync(content)]],
];

for (const [what, compression, made] of CONTENTS)
  it(`the same content is taken for a late line, ${what}`, (t) =>
    onRig(t, async (rig) => {
      const { sink, path, content } = await sealOne(rig, compression);
      await rm(path);
      await rig.sources.append(HOST, STREAM, HOUR, Buffer.from('a late line\n'));
      const { reason } = await sink.event('store.missing');
      assert.match(String(reason), /logd repair web1 access 2026112216 --from FILE/);
      const [suffix, bytes] = made(content);
      const place = path.replace(/\.zst$/, '') + suffix;
      await writeFile(`${path}.new~`, bytes);
      await rename(`${path}.new~`, place);
      await rig.sealed('despite-errors');
      const { code, stdout } = await runLogd(['cat', HOST, STREAM, HOUR, '-c', rig.path('sink.yaml')]);
      assert.deepEqual([code, stdout], [0, rig.sources.expected()[0]!.bytes.toString()]);
      assert.equal((await runLogd(['audit', '-c', rig.path('sink.yaml')])).code, 0);
    }));

for (const compression of ['none', 'zstd'] as const)
  for (const isRestarted of [false, true])
    it(`other content is left as it is, and named${isRestarted ? ', after a restart' : ''} (${compression})`, (t) =>
      onRig(t, async (rig) => {
        const { sink, path, content } = await sealOne(rig, compression);
        const mine = Buffer.concat([
          content.subarray(0, 9000),
          Buffer.from('other '),
          content.subarray(9000),
        ]);
        const other = compression === 'zstd' ? zstdCompressSync(mine) : mine;
        await rm(path);
        await rig.sources.append(HOST, STREAM, HOUR, Buffer.from('a late line\n'));
        await sink.event('store.missing');
        await writeFile(path, other);
        if (isRestarted) {
          await rig.forgetLedger();
          await sink.end('SIGKILL');
        }
        const last = isRestarted ? await rig.start('sink') : sink;
        await last.event('store.missing', ({ message }) => message.includes('is left as it is'));
        const { stdout } = await runLogd(['status', '-c', rig.path('sink.yaml')]);
        assert.match(stdout.replaceAll(/\s+/g, ' '), new RegExp(`${NAME} waits: .* is left as it is`));
        assert.ok((await readFile(path)).equals(other), 'nothing was written to it');
        await writeFile(`${path}.new~`, compression === 'zstd' ? zstdCompressSync(content) : content);
        await rename(`${path}.new~`, path);
        await rig.sealed('despite-errors');
        const said = last.events.filter(
          ({ event, message }) => event === 'store.missing' && message.includes('is left as it is'),
        );
        assert.equal(said.length, 1, 'once in each run');
        await assertSealedEqual(rig, { compression, generations: { [NAME]: 2 } });
      }));

for (const compression of ['none', 'zstd'] as const)
  it(`a removed hour is restored from a file that has its content, and from no other (${compression})`, (t) =>
    onRig(t, async (rig) => {
      const { sink, path, content } = await sealOne(rig, compression);
      await rm(path);
      const backup = rig.path('backup.gz');
      await writeFile(backup, gzipSync(Buffer.concat([content.subarray(0, 5000), content])));
      const refused = await repair(rig, '--from', backup);
      assert.equal(refused.code, 1, refused.stdout);
      assert.match(refused.stdout, /backup\.gz is not what was stored .* Nothing was changed/);
      await assert.rejects(readFile(path), /ENOENT/);
      // A source goes on after what was sealed.
      await writeFile(backup, gzipSync(Buffer.concat([content, Buffer.from('later\n')])));
      const done = await repair(rig, '--from', backup);
      assert.equal(done.code, 0, done.stdout);
      await sink.event('repull.restored');
      await assertSealedEqual(rig, { compression });
    }));

it('an hour that was refused is restored, proven again and sealed', (t) =>
  onRig(t, async (rig) => {
    await rig.configureSink({ compression: 'zstd' });
    await rig.configureAgent({ host: HOST, streams: [STREAM], ends: 'by-successor' });
    const first = await rig.start('sink');
    const agent = await rig.start(HOST);
    await rig.sources.append(HOST, STREAM, HOUR, bytesOf('first', BYTES));
    const { bytes: content } = rig.sources.expected()[0]!;
    await rig.until('all packs are here', async () =>
      (await rig.segments()).some(({ bytes }) => bytes === content.length),
    );
    await rig.forgetLedger();
    await first.end('SIGTERM');
    const path = storedPath(rig, rig.sources.expected()[0]!, 'zstd');
    const damaged = await readFile(path);
    damaged.fill(0x5a, damaged.length >> 1, (damaged.length >> 1) + 8);
    await writeFile(path, damaged);
    const sink = await rig.start('sink');
    await rig.sources.append(HOST, STREAM, '2026112217', bytesOf('second', 1000));
    await rig.sources.append(HOST, STREAM, '2026112218', bytesOf('third', 1000));
    await sink.event('seal.refused');
    await agent.end('SIGKILL');
    await writeFile(rig.path('copy'), content);
    const { code, stdout } = await repair(rig, '--from', rig.path('copy'));
    assert.equal(code, 0, stdout);
    assert.equal(
      (await (await rig.ledger()).segment({ host: HOST, stream: STREAM, hour: HOUR }))?.state,
      'sealed',
    );
  }));
