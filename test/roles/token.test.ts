import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openTokens, readTokens } from '../../src/roles/token.ts';

const withFile = async (content: string | Buffer, job: (path: string) => Promise<void>): Promise<void> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-token-'));
  try {
    await writeFile(join(dir, 'token'), content, { mode: 0o600 });
    await job(join(dir, 'token'));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};

const TOKEN = 'a'.repeat(64);
const BEFORE = 'b'.repeat(64);

test('the token is the first line, however it ends; a second line is the one before', async () => {
  for (const content of [TOKEN, `${TOKEN}\n`, `${TOKEN}\r\n`, `  ${TOKEN} \n# made in November\n`])
    await withFile(content, async (path) => assert.deepEqual(await readTokens(path), [TOKEN]));
  for (const content of [`${TOKEN}\n${BEFORE}`, `${TOKEN}\r\n\r\n# until Friday\r\n${BEFORE}\r\n`])
    await withFile(content, async (path) => assert.deepEqual(await readTokens(path), [TOKEN, BEFORE]));
  const longest = 'c'.repeat(1024);
  await withFile(longest, async (path) => assert.deepEqual(await readTokens(path), [longest]));
});

test('a file without usable tokens is a fault of the configuration, and no token is in the message', async () => {
  const short = 'only15character';
  for (const content of [
    ...['', '\n', `\n${TOKEN}\n`, short, 'b'.repeat(1025)],
    ...[`${TOKEN}\n${short}\n`, `${TOKEN}\n${BEFORE}\n${BEFORE}\n`, `${TOKEN}\n${'\n'.repeat(5000)}`],
  ])
    await withFile(content, (path) =>
      assert.rejects(readTokens(path), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'config');
        assert.match(error.message, /must hold one line of 16 to 1024 characters/);
        assert.ok(!error.message.includes(short) && !/aaa|bbb/.test(error.message));
        return true;
      }),
    );
});

test('a file that cannot be read is named', async () => {
  await assert.rejects(readTokens('/no/such/token'), {
    code: 'config',
    message: /\/no\/such\/token.*ENOENT/,
  });
  await assert.rejects(readTokens(tmpdir()), { code: 'config' });
});

test('a named pipe is refused, and holds nobody up', { timeout: 30_000 }, () =>
  withFile('', async (path) => {
    execFileSync('mkfifo', [`${path}.pipe`]);
    await assert.rejects(readTokens(`${path}.pipe`), { code: 'config' });
  }),
);

test('whoever asks gets what the file has then; a file that cannot be used is told of once, and changes nothing', () =>
  withFile(`${TOKEN}\n`, async (path) => {
    const told: string[] = [];
    const read = await openTokens(path, (name) => void told.push(name));
    assert.deepEqual(await read(), [TOKEN]);
    assert.deepEqual(told, []);

    await writeFile(`${path}.new`, `${BEFORE}\n${TOKEN}\n`);
    await rename(`${path}.new`, path);
    assert.deepEqual(await read(), [BEFORE, TOKEN]);
    assert.deepEqual(told.splice(0), ['node.token-changed']);

    for (const breakIt of [() => writeFile(path, 'short\n'), () => rm(path)]) {
      await breakIt();
      assert.deepEqual(await read(), [BEFORE, TOKEN]);
    }
    assert.deepEqual(told.splice(0), ['node.token-kept']);

    await writeFile(path, BEFORE);
    assert.deepEqual(await read(), [BEFORE]);
    assert.deepEqual(told.splice(0), ['node.token-changed']);
    await rm(path);
    await read();
    assert.deepEqual(told, ['node.token-kept'], 'it is told again after it could be used');
  }));

test('who asks while the file is being read gets what it has after the asking', () =>
  withFile(TOKEN, async (path) => {
    const read = await openTokens(path, () => undefined);
    for (let n = 0; n < 50; n++) {
      const token = `${n}`.padStart(16, '0');
      const early = read();
      await writeFile(`${path}.new`, token);
      await rename(`${path}.new`, path);
      const all = await Promise.all([read(), read(), read()]);
      assert.deepEqual(all, [[token], [token], [token]]);
      await early;
    }
  }));
