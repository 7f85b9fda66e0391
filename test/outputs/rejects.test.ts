/** Rejected records are found again by the host and stream that they are of, whatever their names. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { openRejects } from '../../src/outputs/rejects.ts';

it('names with "_" keep rejects apart', async (test) => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-rejects-'));
  test.after(() => rm(dir, { recursive: true, force: true }));
  const rejects = openRejects(dir);
  const hour = '2026112216';
  await rejects.keep({ host: 'db_1', stream: 'access', hour }, 1, ['1']);
  await rejects.keep({ host: 'db', stream: '1_access', hour }, 1, ['2', '3']);
  const found = await rejects.list();
  const lines = await Promise.all(found.map((file) => rejects.read(file)));
  assert.deepEqual(
    found.map(({ host, stream, pack }, n) => [host, stream, pack, ...lines[n]!].join(' ')).toSorted(),
    ['db 1_access 1 2 3', 'db_1 access 1 1'],
  );
  await rejects.keep({ host: 'db_1', stream: 'access', hour }, 1, []);
  assert.equal((await rejects.list()).length, 1);
});
