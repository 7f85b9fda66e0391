import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readToken } from '../../src/roles/token.ts';

const withFile = async (content: string | Buffer, job: (path: string) => Promise<void>): Promise<void> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-token-'));
  try {
    await writeFile(join(dir, 'token'), content);
    await job(join(dir, 'token'));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};

const TOKEN = 'a'.repeat(64);

test('without a file there is no token', async () => {
  assert.equal(await readToken(undefined), undefined);
});

test('the token is the first line, however it ends', async () => {
  for (const content of [TOKEN, `${TOKEN}\n`, `${TOKEN}\r\n`, `  ${TOKEN} \n# made in November\n`])
    await withFile(content, async (path) => assert.equal(await readToken(path), TOKEN));
});

test('a file without a usable token is a fault of the configuration, and the token is not in the message', async () => {
  const short = 'only15character';
  for (const content of ['', '\n', `\n${TOKEN}\n`, short, 'b'.repeat(2000), 'c'.repeat(1024)])
    await withFile(content, (path) =>
      assert.rejects(readToken(path), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'config');
        assert.match(error.message, /must hold one line of 16 to 1022 characters/);
        assert.ok(!error.message.includes(short) && !error.message.includes('bbb'));
        return true;
      }),
    );
});

test('a file that cannot be read is named', async () => {
  await assert.rejects(readToken('/no/such/token'), { code: 'config', message: /\/no\/such\/token.*ENOENT/ });
  await assert.rejects(readToken(tmpdir()), { code: 'config' });
});
