import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { warnOfOpenDirectory } from '../../src/roles/exposed.ts';
import { openTokens } from '../../src/roles/token.ts';
import type { Emit } from '../../src/telemetry/events.ts';

it('warns of what others may read or change', async (test) => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-exposed-'));
  test.after(() => rm(dir, { recursive: true, force: true }));
  const events: string[] = [];
  const emit = ((name: string, { reason }: { reason: string }) =>
    void events.push(`${name} ${reason}`)) as Emit;
  const store = join(dir, 'store');
  const token = join(dir, 'token');
  await mkdir(store);
  await writeFile(token, 'a token of sixteen and more\n');
  const seen = async (storeMode: number, tokenMode: number): Promise<string[]> => {
    events.length = 0;
    await chmod(store, storeMode);
    await chmod(token, tokenMode);
    await warnOfOpenDirectory(store, emit);
    await openTokens(token, emit);
    return [...events];
  };
  assert.deepEqual(await seen(0o755, 0o640), []);
  assert.deepEqual(await seen(0o777, 0o644), [
    `node.exposed Everybody on this machine may write to ${store}, and so replace stored hours. Run: chmod o-w ${store}`,
    `node.exposed Others on this machine may read the token file ${token}, and so send as an agent. Run: chmod 640 ${token}`,
  ]);
  assert.deepEqual(await seen(0o775, 0o660), [
    `node.exposed Others on this machine may change the token file ${token}, and so send as an agent. Run: chmod 640 ${token}`,
  ]);
});
