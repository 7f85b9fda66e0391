import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { errnoOf } from '../../src/error.ts';
import { openHours } from '../../src/pack/hour.ts';
import { openDiscovery } from '../../src/tail/discover.ts';
import type { SourceFile } from '../../src/tail/discover.ts';
import { parsePattern } from '../../src/tail/pattern.ts';

/** A temporary directory with files, and a discovery of the pattern below it. */
const set = async (
  context: TestContext,
  pattern: string,
  files: readonly string[],
  { zone = 'UTC', maxFiles = 1000 } = {},
) => {
  const root = await mkdtemp(join(tmpdir(), 'logd-discover-'));
  context.after(() => rm(root, { recursive: true, force: true }));
  const write = async (name: string, content = name): Promise<void> => {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), content);
  };
  for (const file of files) await write(file);
  const errors: string[] = [];
  const onError = (path: string, error: unknown) =>
    errors.push(`${path.slice(root.length)}: ${errnoOf(error) ?? String(error)}`);
  const told: string[] = [];
  const onSkipped = (path: string, reason: string) => told.push(`${path.slice(root.length)}: ${reason}`);
  const options = {
    onSkipped,
    pattern: parsePattern(join(root, pattern)),
    hours: openHours(zone),
    onError,
    maxFiles,
  };
  const names = (found: readonly SourceFile[]) => found.map((file) => file.path.slice(root.length + 1));
  return { root, write, errors, told, names, discovery: openDiscovery(options) };
};

const HOURLY = 'access.log.<%Y%m%d%H>';

describe('discovery', () => {
  it('finds files in the order of their segments', async (context) => {
    const { discovery, names } = await set(context, '*.<%H.%d-%m-%Y>.<%M>', [
      'b.16.22-11-2026.30',
      'a.16.22-11-2026.30',
      'b.16.22-11-2026.05',
      'a.03.01-12-2026.00',
      'a.23.31-12-2025.59',
      'a.23.31-02-2025.59',
      'a.16.22-11-2026.30.gz',
    ]);
    const found = await discovery.scan();
    assert.deepEqual(names(found), [
      'a.23.31-12-2025.59',
      'b.16.22-11-2026.05',
      'a.16.22-11-2026.30',
      'b.16.22-11-2026.30',
      'a.03.01-12-2026.00',
    ]);
    const [, file] = found;
    assert.deepEqual(
      [file!.label, file!.repeated, file!.exists, file!.minute, file!.size],
      ['2026112216', undefined, true, 5, 'b.16.22-11-2026.05'.length],
    );
    assert.match(file!.ino, /^\d+$/);
  });
  it('says which files hold a repeated or a missing hour', async (context) => {
    const names = ['access.log.2026032902', 'access.log.2026102502', 'access.log.2026102503'];
    const { discovery } = await set(context, HOURLY, names, { zone: 'Europe/Berlin' });
    assert.deepEqual(
      (await discovery.scan()).map(({ label, repeated, exists }) => [label, repeated, exists]),
      [
        ['2026032902', undefined, false],
        ['2026102502', '2026102502b', true],
        ['2026102503', undefined, true],
      ],
    );
  });
  it('walks directories that can match, and no others', async (context) => {
    const { root, discovery, names, errors } = await set(context, 'logs/<%Y-%m-%d>/w*/<%H>/access.log', [
      'logs/2026-11-22/web1/16/access.log',
      'logs/2026-11-22/web2/16/access.log',
      'logs/2026-11-22/web1/17/other.log',
      'logs/2026-11-23/web1/00/access.log',
      'logs/2026-13-01/web1/00/access.log',
      'logs/2026-11-24/db/00/access.log',
      'logs/old/web1/00/access.log',
      'logs/2026-11-25',
    ]);
    await chmod(join(root, 'logs/old'), 0);
    const found = await discovery.scan();
    await chmod(join(root, 'logs/old'), 0o700);
    assert.deepEqual(names(found), [
      'logs/2026-11-22/web1/16/access.log',
      'logs/2026-11-22/web2/16/access.log',
      'logs/2026-11-23/web1/00/access.log',
    ]);
    assert.deepEqual(errors, []);
  });
  it('follows symbolic links to files; all that is no file is passed over, and told once', async (context) => {
    const { root, discovery, names, errors, told } = await set(context, HOURLY, [
      'target',
      'access.log.2026112201',
    ]);
    await symlink(join(root, 'target'), join(root, 'access.log.2026112202'));
    await symlink(join(root, 'nowhere'), join(root, 'access.log.2026112203'));
    await mkdir(join(root, 'access.log.2026112204'));
    execFileSync('mkfifo', [join(root, 'access.log.2026112205')]);
    const found = await discovery.scan();
    assert.deepEqual(names(found), ['access.log.2026112201', 'access.log.2026112202']);
    assert.equal(found[1]!.size, 'target'.length);
    await discovery.scan({ full: true });
    await discovery.scan();
    assert.deepEqual(errors, []);
    const expected = [
      '/access.log.2026112203: it is a symbolic link to nothing',
      '/access.log.2026112204: it is a directory',
      '/access.log.2026112205: it is a named pipe',
    ];
    assert.deepEqual(told.toSorted(), expected);
    await writeFile(join(root, 'nowhere'), 'now');
    assert.deepEqual(names(await discovery.scan()), [
      'access.log.2026112201',
      'access.log.2026112202',
      'access.log.2026112203',
    ]);
    await rm(join(root, 'nowhere'));
    await discovery.scan();
    assert.deepEqual(told.slice(3), expected.slice(0, 1), 'a link to nothing again');
  });
  it('tells once of each name that fits the pattern and names no real time', async (context) => {
    const { write, discovery, names, told } = await set(context, '<%Y-%m-%d>/*.<%Y%m%d%H>', [
      '2026-11-22/a.2026112224',
      '2026-11-22/a.2026112223',
      '2026-11-22/a.2026112300',
      '2026-02-30/a.2026023005',
      '2026-11-22/other',
    ]);
    const expected = [
      '/2026-02-30/a.2026023005: its name fits the pattern and names no real time',
      '/2026-11-22/a.2026112224: its name fits the pattern and names no real time',
      '/2026-11-22/a.2026112300: its name fits the pattern and names another time than the directories above it',
    ];
    for (let scan = 0; scan < 4; scan++)
      assert.deepEqual(names(await discovery.scan({ full: scan % 2 === 0 })), ['2026-11-22/a.2026112223']);
    assert.deepEqual(told.toSorted(), expected);
    await write('2026-11-22/b.2026112299');
    await discovery.scan();
    assert.equal(told.length, 4);
  });
  it('tells so of a name that only a directory makes impossible, where there is a file', async (context) => {
    const names = ['2026-11-22/24/log', '2026-11-22/25/other'];
    const { discovery, told } = await set(context, '<%Y-%m-%d>/<%H>/log', names);
    for (let scan = 0; scan < 3; scan++) assert.deepEqual(await discovery.scan({ full: true }), []);
    assert.deepEqual(told, ['/2026-11-22/24/log: its name fits the pattern and names no real time']);
  });
  it('sees files come, grow, move and go', async (context) => {
    const { root, write, discovery, names } = await set(context, HOURLY, ['access.log.2026112201']);
    for (let scan = 0; scan < 3; scan++) assert.equal((await discovery.scan()).length, 1);
    await write('access.log.2026112201', 'grown to some other size');
    assert.equal((await discovery.scan())[0]!.size, 24);
    await write('access.log.2026112202');
    assert.equal((await discovery.scan()).length, 2);
    await rename(join(root, 'access.log.2026112202'), join(root, 'access.log.2026112203'));
    assert.deepEqual(names(await discovery.scan()), ['access.log.2026112201', 'access.log.2026112203']);
    await rm(join(root, 'access.log.2026112201'));
    assert.deepEqual(names(await discovery.scan()), ['access.log.2026112203']);
    await rm(root, { recursive: true });
    assert.deepEqual(await discovery.scan(), []);
  });
  it('looks at old files only when new to it, and on a full scan', async (context) => {
    const { write, discovery } = await set(context, HOURLY, [
      'access.log.2026112201',
      'access.log.2026112202',
    ]);
    const sizes = async (options: object) => (await discovery.scan(options)).map((file) => file.size);
    const activeFrom = '2026112202';
    assert.deepEqual(await sizes({ activeFrom }), [21, 21]);
    await write('access.log.2026112201', 'late');
    await write('access.log.2026112202', 'late');
    assert.deepEqual(await sizes({ activeFrom }), [21, 4]);
    await write('access.log.2026112200', 'new');
    assert.deepEqual(await sizes({ activeFrom }), [3, 21, 4]);
    assert.deepEqual(await sizes({ activeFrom, full: true }), [3, 4, 4]);
  });
  it('lists a directory again only after a change, and an old one only on a full scan', async (context) => {
    const { root, write, discovery, names } = await set(context, '<%Y%m%d>/a.<%H>', [
      '20261121/a.01',
      '20261122/a.01',
    ]);
    const hide = async (name: string) => {
      // A change that leaves no trace: the directory's time is set back to what it was.
      await write(name);
      await utimes(dirname(join(root, name)), 1e9, 1e9);
    };
    for (const day of ['20261121', '20261122']) await utimes(join(root, day), 1e9, 1e9);
    await discovery.scan();
    await hide('20261122/a.02');
    assert.equal((await discovery.scan()).length, 3, 'once more after a change');
    await hide('20261122/a.03');
    assert.equal((await discovery.scan()).length, 3, 'settled');
    await write('20261121/a.04');
    const activeFrom = '2026112200';
    assert.equal((await discovery.scan({ activeFrom })).length, 3);
    assert.deepEqual(names(await discovery.scan({ activeFrom, full: true })), [
      '20261121/a.01',
      '20261121/a.04',
      '20261122/a.01',
      '20261122/a.02',
      '20261122/a.03',
    ]);
  });
  it('reports what it cannot read once, until it could', async (context) => {
    const { root, write, discovery, errors } = await set(context, 'logs/<%Y%m%d%H>', []);
    await discovery.scan();
    await discovery.scan();
    assert.deepEqual(errors, ['/logs: ENOENT']);
    await write('logs/2026112201');
    await symlink('2026112202', join(root, 'logs/2026112202')); // a loop
    assert.equal((await discovery.scan()).length, 1);
    await discovery.scan();
    assert.deepEqual(errors, ['/logs: ENOENT', '/logs/2026112202: ELOOP']);
    await rm(join(root, 'logs'), { recursive: true });
    await discovery.scan();
    assert.deepEqual(errors, ['/logs: ENOENT', '/logs/2026112202: ELOOP', '/logs: ENOENT']);
  });
  it('remembers a bounded number of files', async (context) => {
    const files = ['x/1-2026112201', 'x/2-2026112201', 'y/3-2026112202', 'y/4-2026112202'];
    const { discovery, errors } = await set(context, '?/*-<%Y%m%d%H>', files, { maxFiles: 3 });
    assert.equal((await discovery.scan()).length, 3);
    await discovery.scan();
    assert.equal(errors.length, 1);
    assert.match(errors[0]!, /More than 3 files/);
  });
});
