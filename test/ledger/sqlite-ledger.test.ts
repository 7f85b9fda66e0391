import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { it } from 'node:test';
import { promisify } from 'node:util';
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts';
import { lockDirectory } from '../../src/disk/directory-lock.ts';
import { ledgerContract } from '../contract/ledger.ts';
import { KEY, lastPack, pack } from './packs.ts';

const createHome = async () => {
  const directory = await mkdtemp(join(tmpdir(), 'logd-ledger-'));
  const path = join(directory, 'state', 'ledger.db');
  return {
    directory,
    path,
    open: () => openSqliteLedger({ path }),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
};

ledgerContract('SQLite ledger', createHome);

it('is read by another opening while it is written, which cannot write', async () => {
  await using home = await createHome();
  await using ledger = await home.open();
  await ledger.commit([pack(1)]);
  await using reader = await openSqliteLedger({ path: home.path, readOnly: true });
  assert.equal((await reader.segment(KEY))?.packs, 1);
  await ledger.commit([lastPack(2)]);
  assert.equal((await reader.segment(KEY))?.state, 'complete');
  await assert.rejects(reader.commit([pack(3)]), { code: 'storage', message: /read-only/ });
});

it('has one owner, by whatever path it is called, and is free again when that is gone', async () => {
  await using home = await createHome();
  const other = join(home.directory, 'other');
  {
    await using _owner = await home.open();
    await symlink(dirname(home.path), other);
    await symlink(home.path, join(home.directory, 'linked.db'));
    for (const path of [home.path, join(other, 'ledger.db'), join(home.directory, 'linked.db')])
      await assert.rejects(openSqliteLedger({ path }), {
        code: 'storage',
        message: `Another logd keeps its ledger in ${dirname(home.path)}: stop it, or give this one a directory of its own.`,
      });
    // Each has a lock of its own, in one directory.
    await using _neighbour = await openSqliteLedger({ path: join(other, 'another.db') });
    using _store = lockDirectory(dirname(home.path), '.logd-lock', 'stores into');
  }
  await using _again = await home.open();
});

it('does not begin anew in the place of a ledger that is gone', async () => {
  await using home = await createHome();
  await (await home.open())[Symbol.asyncDispose]();
  await rename(home.path, `${home.path}.kept`);
  for (const left of ['nothing', 'nothing', 'an empty file']) {
    if (left === 'an empty file') await writeFile(home.path, '');
    await assert.rejects(home.open(), {
      code: 'storage',
      message: /^The ledger .* is gone, or empty: restore it\. /,
    });
  }
  await rm(home.path);
  assert.deepEqual((await readdir(dirname(home.path))).toSorted(), [
    '.logd-ledger.db-lock',
    'ledger.db.kept',
  ]);
  await rename(`${home.path}.kept`, home.path);
  await (await home.open())[Symbol.asyncDispose]();
  await rm(home.path);
  await rm(join(dirname(home.path), '.logd-ledger.db-lock'));
  await (await home.open())[Symbol.asyncDispose]();
});

it('is read by another process while it is written', async () => {
  await using home = await createHome();
  await using ledger = await home.open();
  await ledger.commit([pack(1), pack(3)]);
  const module = new URL('../../src/ledger/sqlite/sqlite-ledger.ts', import.meta.url).href;
  const script = `import { openSqliteLedger } from ${JSON.stringify(module)};
    await using ledger = await openSqliteLedger({ path: process.argv[1], readOnly: true });
    console.log(JSON.stringify(await ledger.gaps(${JSON.stringify(KEY)}, 10)));`;
  const reading = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, home.path]);
  for (let id = 4; id <= 50; id++) await ledger.commit([pack(id)]);
  assert.deepEqual(JSON.parse((await reading).stdout), [{ from: 2, to: 2, reason: 'missing' }]);
});

it('opened read-only, says that there is no ledger and creates none', async () => {
  await using home = await createHome();
  await assert.rejects(openSqliteLedger({ path: home.path, readOnly: true }), {
    code: 'storage',
    message: /There is no ledger at/,
  });
  assert.deepEqual(await readdir(home.directory), []);
});

it('undoes a commit that holds a digest of no SHA-256, and only that', async () => {
  await using home = await createHome();
  await using ledger = await home.open();
  const bad = ledger.commit([pack(1), pack(2, { sha256: 'zz' })]);
  const good = ledger.commit([pack(3)]);
  await assert.rejects(bad, { code: 'corrupt' });
  assert.equal((await good)[0]?.segment.packs, 1);
  assert.deepEqual(await ledger.packs(KEY, 0, 9), [pack(3)]);
});

it('lists a day over all hosts and streams in order, page by page, as a listing of everything has it', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'logd-ledger-day-'));
  try {
    await using ledger = await openSqliteLedger({ path: join(directory, 'ledger.db') });
    const keys = ['web1', 'web2', 'web20', 'x'].flatMap((host) =>
      ['access', 'error'].flatMap((stream) =>
        ['20261121', '2026112123', '2026112200', '2026112216', '2026112216b', '2026112300'].map((hour) => ({
          ...{ host, stream, hour },
        })),
      ),
    );
    await ledger.commit(keys.map((key) => pack(1, key)));
    const all = (await ledger.segments({})).map(({ host, stream, hour }) => ({ host, stream, hour }));
    for (const filter of [
      {},
      { host: 'web2' },
      { host: 'web' },
      { stream: 'error' },
      { since: '2026112216' },
    ])
      for (const hour of ['20261122', '2026112216', '20261121'])
        for (const limit of [1, 3, 100]) {
          const expected = all.filter(
            (key) =>
              key.hour.startsWith(hour) &&
              (filter.host === undefined || key.host === filter.host) &&
              (filter.stream === undefined || key.stream === filter.stream) &&
              (filter.since === undefined || key.hour >= filter.since.slice(0, key.hour.length)),
          );
          const found: typeof all = [];
          for (;;) {
            const after = found.at(-1);
            const page = await ledger.segments({ ...filter, hour }, { limit, ...(after && { after }) });
            found.push(...page.map(({ host, stream, hour: label }) => ({ host, stream, hour: label })));
            if (page.length < limit) break;
          }
          assert.deepEqual(found, expected, JSON.stringify({ filter, hour, limit }));
        }
  } finally {
    await rm(directory, { recursive: true });
  }
});
