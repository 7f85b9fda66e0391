/** The sink role in this process: its own road through start, stop and start again. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { VerifiedPack } from '../../../src/pack/pack.ts';
import { decompressFrames } from '../../flow/zstd.ts';
import { brief } from '../../commit/rig.ts';
import { cutInto, KEY, logParts } from '../../commit/packs.ts';
import { startSinkNode, storedFile } from '../sink-node.ts';

const TEST = { timeout: 60_000 };
const bytesOf = (packs: readonly VerifiedPack[]): Buffer => Buffer.concat(packs.map(({ raw }) => raw));
const TOKEN = 'correct-horse-battery-staple';

for (const compression of ['none', 'zstd'] as const)
  test(`packs become a sealed, read-only file that equals the source (${compression})`, TEST, async () => {
    await using node = await startSinkNode({ compression });
    const packs = await cutInto(logParts(30), { codec: 'zstd' });
    const answers = await node.send([...packs.slice(10), ...packs.slice(0, 10)]);
    assert.ok(answers.every(({ kind }) => kind === 'ack'));
    const { expected } = await node.reaches(KEY, 'sealed');
    await node.stop(); // Marker files come after the seal.
    const file = await storedFile(node, KEY);
    const plain = compression === 'none' ? file : decompressFrames(file);
    assert.ok(plain.equals(bytesOf(packs)));
    assert.ok((await node.read(KEY)).equals(plain));
    const { mode, mtimeMs } = await stat(node.locate(KEY));
    assert.deepEqual([mode & 0o222, mtimeMs], [0, packs[0]!.header.time]);
    assert.deepEqual((await readdir(join(node.dir, 'state', 'received'))).sort(), [
      '_access_2026112216',
      `web1_access_2026112216_${expected!.lines}`,
    ]);
  });

test('a stop between packs, and a start on what is there, lose and repeat nothing', TEST, async () => {
  for (const compression of ['none', 'zstd'] as const) {
    await using node = await startSinkNode({ compression });
    const packs = await cutInto(logParts(12), { codec: 'zstd' });
    for (const part of [packs.slice(6, 9), packs.slice(0, 3), packs]) {
      const answers = await node.send(part);
      assert.deepEqual(
        answers.map(brief),
        part.map(() => 'ack'),
      );
      await node.restart();
    }
    await node.reaches(KEY, 'sealed');
    assert.ok((await node.read(KEY)).equals(bytesOf(packs)));
  }
});

test('what was stored and never recorded is cut off at the start', TEST, async () => {
  await using node = await startSinkNode();
  const packs = await cutInto(logParts(4));
  await node.send(packs.slice(0, 2));
  await node.stop();
  const stored = await storedFile(node, KEY);
  await writeFile(node.locate(KEY), Buffer.concat([stored, Buffer.from('half a pa')]));
  await node.restart();
  while ((await stat(node.locate(KEY))).size > stored.length) await setImmediate();
  assert.ok((await storedFile(node, KEY)).equals(bytesOf(packs.slice(0, 2))));
  await node.send(packs);
  await node.reaches(KEY, 'sealed');
  assert.ok((await storedFile(node, KEY)).equals(bytesOf(packs)));
});

test('a start where stored bytes were removed says so, and the node lives', TEST, async () => {
  await using node = await startSinkNode();
  const packs = await cutInto(logParts(4));
  await node.send(packs.slice(0, 3));
  await node.stop();
  await writeFile(node.locate(KEY), 'short');
  await node.restart();
  await node.says('store.missing', 1);
  const { reason } = node.said('store.missing')[0] as { readonly reason: string };
  assert.match(reason, /has 5 bytes where \d+ were stored/);
  const other = { ...KEY, host: 'web2' };
  await node.send(await cutInto(logParts(3), { key: other }));
  await node.reaches(other, 'sealed');
});

test(
  'a start listens before it looks at open hours, and says of each once what is missing',
  TEST,
  async () => {
    await using node = await startSinkNode();
    const keys = Array.from({ length: 40 }, (_, n) => ({ ...KEY, host: `web${n}` }));
    const packs = await Promise.all(keys.map((key) => cutInto(logParts(2), { key })));
    await node.send(packs.map(([first]) => first!));
    await node.stop();
    for (const key of keys.slice(0, 20)) await rm(node.locate(key));
    const begun = node.events.length;
    await node.restart();
    const answers = await node.send(packs.map(([, last]) => last!));
    assert.deepEqual(
      answers.map(brief),
      keys.map((_, n) => (n < 20 ? 'storage' : 'ack')),
    );
    await node.says('store.missing', 20);
    await node.stop();
    assert.equal(node.said('store.missing').length, 20);
    const names = node.events.slice(begun).map(({ name }) => name);
    assert.ok(names.indexOf('receive.listening') < names.indexOf('store.missing'));
  },
);

for (const compression of ['none', 'zstd'] as const)
  for (const restarted of [false, true])
    test(
      `late lines wait for a sealed file that is gone, ${restarted ? 'after a restart too, ' : ''}and nothing is sealed (${compression})`,
      TEST,
      async () => {
        await using node = await startSinkNode({ compression });
        const packs = await cutInto(logParts(6), { codec: 'zstd', ends: [4, 6] });
        // Out of order, so that the stored file is written anew when it is sealed.
        await node.send(packs.slice(0, 4).toReversed());
        await node.reaches(KEY, 'sealed');
        if (restarted) await node.restart();
        const path = node.locate(KEY);
        await rename(path, `${path}.kept`);
        for (let time = 0; time < 2; time++) {
          const answers = await node.send(packs.slice(4));
          for (const answer of answers) {
            assert.ok(answer.kind === 'nack');
            assert.deepEqual([answer.code, answer.retryable], ['storage', true]);
            assert.ok(answer.message.startsWith(`${path}, the file of web1/access/2026112216, is gone`));
          }
          // A start finds the hour open, and its file gone.
          if (restarted) await node.restart();
          if (restarted) await node.says('store.missing', 2 + time);
        }
        // Once in each run.
        assert.equal(node.said('store.missing').length, restarted ? 3 : 1);
        assert.equal(node.said('seal.sealed').length, 1);
        await assert.rejects(stat(path), /ENOENT/);
        await rename(`${path}.kept`, path);
        assert.deepEqual((await node.send(packs.slice(4))).map(brief), ['ack', 'ack']);
        await node.reaches(KEY, 'sealed');
        assert.ok((await node.read(KEY)).equals(bytesOf(packs)));
      },
    );

for (const compression of ['none', 'zstd'] as const)
  test(
    `the file of an open hour that is removed is never sealed, nor is another in its place (${compression})`,
    TEST,
    async () => {
      for (const after of ['nothing', 'a restart', 'the file is back', 'another file is there']) {
        await using node = await startSinkNode({ compression });
        const packs = await cutInto(logParts(6), { codec: 'zstd' });
        assert.deepEqual((await node.send(packs.slice(0, 4))).map(brief), ['ack', 'ack', 'ack', 'ack']);
        const path = node.locate(KEY);
        const stored = await readFile(path);
        await rm(path);
        assert.deepEqual((await node.send(packs.slice(4))).map(brief), ['storage', 'storage']);
        const { reason } = node.said('store.missing')[0] as { readonly reason: string };
        const open = /\/proc\/\d+\/fd\/\d+/.exec(reason)?.[0];
        if (process.platform === 'linux') assert.ok((await readFile(open!)).equals(stored), after);
        if (after === 'a restart') await node.restart();
        if (after === 'another file is there') stored[3]! ^= 1;
        if (after.endsWith('file is back') || after.startsWith('another')) {
          await writeFile(path, stored);
          // That it is another file than the one it had is said once.
          await node.send(packs.slice(4));
          // Another one is left as it is.
          const answer = after === 'the file is back' ? 'ack' : 'storage';
          assert.deepEqual((await node.send(packs.slice(4))).map(brief), [answer, answer]);
          await node.reaches(KEY, after === 'the file is back' ? 'sealed' : 'open');
          if (answer === 'storage') assert.ok((await readFile(path)).equals(stored));
        } else {
          assert.deepEqual((await node.send(packs.slice(4))).map(brief), ['storage', 'storage']);
          await assert.rejects(stat(path), /ENOENT/);
        }
        assert.equal(node.said('seal.sealed').length, after === 'the file is back' ? 1 : 0);
      }
    },
  );

for (const compression of ['none', 'zstd'] as const)
  test(
    `a complete hour whose file is removed before its seal waits for it, after a restart too (${compression})`,
    TEST,
    async () => {
      await using node = await startSinkNode({ compression });
      const packs = await cutInto(logParts(3), { codec: 'zstd' });
      await node.send(packs.slice(0, 2));
      const stored = await readFile(node.locate(KEY));
      await rm(node.locate(KEY));
      // The last pack has no bytes, so it is not written: only the seal looks at the file.
      const { header } = packs[1]!;
      const done = { packs: 3, lines: header.lines + packs[0]!.header.lines, bytes: packs[2]!.header.offset };
      const last = {
        ...packs[2]!.header,
        bytes: 0,
        lines: 0,
        codec: 'none' as const,
        checksum: 0,
        sha256: header.sha256,
      };
      const empty = Buffer.alloc(0);
      await node.send([
        {
          header: { ...last, done: { ...done, sha256: header.sha256, hoursInDay: 24 } },
          raw: empty,
          body: empty,
        },
      ]);
      while (node.said('seal.failed').length === 0) await setImmediate();
      assert.ok(
        String((node.said('seal.failed')[0] as { reason: string }).reason).startsWith(node.locate(KEY)),
      );
      await node.restart();
      await node.says('store.missing', 1);
      assert.equal((await node.segment(KEY))?.state, 'complete');
      assert.deepEqual(
        [node.said('seal.sealed'), await readdir(join(node.dir, 'state', 'received'))],
        [[], []],
      );
      await writeFile(node.locate(KEY), stored);
      await node.restart();
      await node.reaches(KEY, 'sealed');
    },
  );

test('a ledger restored from before an hour was sealed takes its marker away', TEST, async () => {
  await using node = await startSinkNode();
  const packs = await cutInto(logParts(4));
  await node.send(packs.slice(0, 2));
  await node.stop();
  const ledger = join(node.dir, 'state', 'ledger.db');
  const older = await readFile(ledger);
  await node.restart();
  await node.send(packs);
  // Not by a look into the ledger: that would keep it open.
  while (node.said('seal.sealed').length === 0) await setImmediate();
  await node.stop();
  const received = join(node.dir, 'state', 'received');
  const markers = (await readdir(received)).sort();
  assert.equal(markers.length, 2);
  await writeFile(ledger, older);
  await node.restart();
  assert.deepEqual(await readdir(received), []);
  const [said] = node.said('seal.markers-removed') as { files: number; examples: string }[];
  assert.deepEqual([said?.files, said?.examples.split(', ').sort()], [2, markers]);
});

test('a token is asked for, and a wrong one is told on both sides', TEST, async () => {
  await using node = await startSinkNode({ token: TOKEN });
  for (const [shown, message] of [
    [undefined, /token is required/],
    [`${TOKEN}x`, /token is wrong/],
    [TOKEN.slice(1), /token is wrong/],
  ] as const)
    await assert.rejects(node.connect(shown), { code: 'refused', message });
  assert.equal(node.said('receive.refused').length, 3);
  const packs = await cutInto(logParts(2));
  assert.deepEqual((await node.send(packs)).map(brief), ['ack', 'ack']);
  await node.reaches(KEY, 'sealed');
});

test('a node that cannot start says why, and leaves nothing open', TEST, async () => {
  await using node = await startSinkNode();
  await node.send((await cutInto(logParts(2))).slice(0, 1));
  await node.stop();
  const ledger = join(node.dir, 'state', 'ledger.db');
  const content = await readFile(ledger);
  await writeFile(ledger, 'this is no database');
  await assert.rejects(node.restart(), { code: 'storage' });
  await writeFile(ledger, content);
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(node.address.port, '127.0.0.1', resolve));
  await assert.rejects(node.restart(), { code: 'unreachable', message: /Cannot listen on .*EADDRINUSE/ });
  await new Promise<void>((resolve) => taken.close(() => resolve()));
  await node.restart();
  await node.send(await cutInto(logParts(2)));
  await node.reaches(KEY, 'sealed');
});

test('two sinks do not share one ledger, and the first does not notice', TEST, async () => {
  await using node = await startSinkNode();
  const packs = await cutInto(logParts(3));
  await node.send(packs.slice(0, 1));
  const state = join(node.dir, 'state');
  await assert.rejects(startSinkNode({ state }), {
    code: 'storage',
    message: `Another logd keeps its ledger in ${state}: stop it, or give this one a directory of its own.`,
  });
  assert.equal((await node.segment(KEY))?.state, 'open');
  await node.send(packs);
  await node.reaches(KEY, 'sealed');
});

test('a sink may keep its ledger where it stores', TEST, async () => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-both-'));
  await using node = await startSinkNode({ state: dir, stored: dir });
  await node.send(await cutInto(logParts(1)));
  await node.reaches(KEY, 'sealed');
  await node.restart();
  await node.stop();
  await rm(dir, { recursive: true });
});

test('two sinks do not share one directory', TEST, async () => {
  await using node = await startSinkNode();
  const stored = join(node.dir, 'stored');
  await assert.rejects(startSinkNode({ stored }), { code: 'storage', message: /Another logd stores into/ });
  await node.stop();
  await using second = await startSinkNode({ stored });
  await second.send(await cutInto(logParts(1)));
  await second.reaches(KEY, 'sealed');
});
