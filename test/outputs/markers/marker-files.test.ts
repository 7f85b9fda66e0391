import assert from 'node:assert/strict';
import {
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { describe, it, type TestContext } from 'node:test';
import type { Seal } from '../../../src/ledger/ledger.ts';
import { openMarkerFiles } from '../../../src/outputs/markers/marker-files.ts';

const seal = (part: Partial<Seal> = {}): Seal => ({
  ...{ host: 'web1', stream: 'access', hour: '2026112216', packs: 3, lines: 120, bytes: 4000, sha256: '' },
  ...{ generation: 1, firstArrival: 0, lastArrival: 0, sealedAt: 0, ...part },
});

const scratch = async (test: TestContext): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-markers-'));
  test.after(() => rm(dir, { recursive: true, force: true }));
  return join(dir, 'state', 'received');
};

const listed = async (dir: string): Promise<string[]> => (await readdir(dir)).toSorted();

describe('markers', () => {
  it('leaves an empty file for an hour, and one for a complete day', async (test) => {
    const dir = await scratch(test);
    const markers = await openMarkerFiles(dir);
    await markers.sealed(seal(), false);
    assert.deepEqual(await listed(dir), ['web1_access_2026112216_120']);
    await markers.sealed(seal({ hour: '2026112217', lines: 0 }), true);
    await markers.sealed(seal({ hour: '2026112217', lines: 0 }), true);
    assert.deepEqual(await listed(dir), [
      'web1_access_20261122',
      'web1_access_2026112216_120',
      'web1_access_2026112217_0',
    ]);
    for (const name of await readdir(dir)) assert.equal((await stat(join(dir, name))).size, 0);
  });

  it('takes away a reopened hour and its day, and no others', async (test) => {
    const dir = await scratch(test);
    const markers = await openMarkerFiles(dir);
    const others = [
      seal({ hour: '2026112216b' }),
      seal({ host: 'web11' }),
      seal({ stream: 'access2' }),
      seal({ hour: '2026112201' }),
    ];
    for (const other of others) await markers.sealed(other, other.host === 'web11');
    const before = await listed(dir);
    await markers.sealed(seal(), true);
    await markers.reopened(seal());
    await markers.reopened(seal());
    assert.deepEqual(await listed(dir), before);
  });

  it('doubles a "_" within a name, so that each marker is one host\'s and stream\'s', async (test) => {
    const dir = await scratch(test);
    const markers = await openMarkerFiles(dir);
    const keys = [
      { host: 'db_1', stream: 'access' },
      { host: 'db', stream: '1_access' },
      { host: 'db', stream: 'app_2026112216' },
    ];
    for (const key of keys) await markers.sealed(seal(key), true);
    await markers.stream({ stream: '1_access', hour: '2026112216' }, true);
    assert.deepEqual(
      await listed(dir),
      [
        '_1__access_2026112216',
        'db_1__access_20261122',
        'db_1__access_2026112216_120',
        'db__1_access_20261122',
        'db__1_access_2026112216_120',
        'db_app__2026112216_20261122',
        'db_app__2026112216_2026112216_120',
      ].toSorted(),
    );
    const seen: string[] = [];
    await markers.keepOnly(({ host, stream, hour, lines }) => {
      seen.push([host, stream, hour, lines].join(' '));
      return Promise.resolve(true);
    });
    assert.deepEqual(
      seen.toSorted(),
      [
        ' 1_access 2026112216 ',
        ...keys.flatMap(({ host, stream }) => [
          `${host} ${stream} 20261122 `,
          `${host} ${stream} 2026112216 120`,
        ]),
      ].toSorted(),
    );
    await markers.reopened(seal(keys[0]));
    assert.equal((await listed(dir)).length, 5);
  });

  it('has markers of all hosts, which go when an hour of one is reopened', async (test) => {
    const dir = await scratch(test);
    const markers = await openMarkerFiles(dir);
    await markers.stream({ stream: 'access', hour: '2026112216' }, true);
    await markers.stream({ stream: 'access', hour: '20261122' }, true);
    await markers.stream({ stream: 'access', hour: '2026112217' }, true);
    await markers.stream({ stream: 'app', hour: '2026112217' }, true);
    await markers.reopened(seal());
    assert.deepEqual(await listed(dir), ['_access_2026112217', '_app_2026112217']);
    await markers.stream({ stream: 'app', hour: '2026112217' }, false);
    const seen: unknown[] = [];
    await markers.keepOnly((marker) => {
      seen.push(marker);
      return Promise.resolve(false);
    });
    assert.deepEqual(seen, [{ host: undefined, stream: 'access', hour: '2026112217', lines: undefined }]);
    assert.deepEqual(await listed(dir), []);
  });

  it('replaces the marker of an earlier generation, though nobody said that it was reopened', async (test) => {
    const dir = await scratch(test);
    const markers = await openMarkerFiles(dir);
    await markers.sealed(seal(), false);
    await markers.sealed(seal({ generation: 2, lines: 130 }), true);
    assert.deepEqual(await listed(dir), ['web1_access_20261122', 'web1_access_2026112216_130']);
  });

  it('tells the marker of a segment of a day from that of the day', async (test) => {
    const dir = await scratch(test);
    const markers = await openMarkerFiles(dir);
    await markers.sealed(seal({ hour: '20261122' }), true);
    assert.deepEqual(await listed(dir), ['web1_access_20261122', 'web1_access_20261122_120']);
    await markers.reopened(seal({ hour: '20261122' }));
    assert.deepEqual(await listed(dir), []);
  });

  it('makes a directory again that was taken away', async (test) => {
    const dir = await scratch(test);
    const markers = await openMarkerFiles(dir);
    await rm(dir, { recursive: true });
    await markers.sealed(seal({ generation: 2 }), false);
    assert.deepEqual(await listed(dir), ['web1_access_2026112216_120']);
  });

  it('keeps what is backed, and whatever is no marker', async (test) => {
    const dir = await scratch(test);
    const markers = await openMarkerFiles(dir);
    const foreign = [
      ...[
        'notes',
        '.hidden',
        'web1_access_2026112216',
        'web1_access_2026112216_1_',
        'web1_access_2026112216_',
      ],
      ...[
        'web1_access_2026112225_1',
        'web1_access_20261322',
        'web1_access_2026112216_01',
        'web1_access_2026112216_1.bak',
      ],
      ...[
        'web_1_access_2026112216_1',
        '-web1_access_2026112216_1',
        'web1_access_2026112216_+1',
        'x_y_2026112216_1e3',
      ],
    ];
    for (const name of foreign) await writeFile(join(dir, name), '');
    await mkdir(join(dir, 'web1_access_2026112216_5'));
    const good = [
      'web1_access_2026112216_120',
      'web1_access_2026102502b_7',
      'web1_access_20261122',
      'web1_access_20261122_9',
    ];
    const bad = ['web1_access_2026112216_121', 'web2_access_20261122', 'web2_access_20261122_9'];
    for (const name of [...good, ...bad]) await writeFile(join(dir, name), '');
    const asked: unknown[] = [];
    const removed = await markers.keepOnly(({ host, stream, hour, lines }) => {
      asked.push([host, stream, hour, lines]);
      return Promise.resolve(host === 'web1' && lines !== 121);
    });
    assert.equal(removed.files, 3);
    assert.deepEqual(removed.examples.toSorted(), bad);
    assert.equal(asked.length, 7);
    for (const one of [
      ['web1', 'access', '2026112216', 120],
      ['web2', 'access', '20261122', undefined],
      ['web2', 'access', '20261122', 9],
    ])
      assert.ok(asked.some((other) => isDeepStrictEqual(one, other)));
    assert.deepEqual(await listed(dir), [...foreign, ...good, 'web1_access_2026112216_5'].toSorted());
  });

  it('counts them all, and names a few', async (test) => {
    const dir = await scratch(test);
    const markers = await openMarkerFiles(dir);
    for (let n = 0; n < 600; n++) await writeFile(join(dir, `web${n}_access_2026112216_1`), '');
    const { files, examples } = await markers.keepOnly(({ host }) => Promise.resolve(host === 'web7'));
    assert.deepEqual([files, examples.length], [599, 3]);
    assert.deepEqual(await listed(dir), ['web7_access_2026112216_1']);
  });

  it('says which directory it cannot use', async (test) => {
    const dir = await scratch(test);
    await openMarkerFiles(dir);
    const file = join(dir, 'file');
    await writeFile(file, '');
    await assert.rejects(openMarkerFiles(join(file, 'below')), { code: 'storage', message: /file\/below/ });
  });
});

describe('something else under a marker’s name', () => {
  const NAME = 'web1_access_2026112216_120';
  const DAY = 'web1_access_20261122';

  const withForeign = async (test: TestContext): Promise<{ dir: string; foreign: string }> => {
    const dir = await scratch(test);
    await mkdir(dir, { recursive: true });
    const foreign = join(dir, '..', 'foreign');
    await writeFile(foreign, 'not yours\n');
    return { dir, foreign };
  };

  for (const [what, make] of [
    ['a symbolic link', symlink],
    ['a hard link', link],
  ] as const)
    it(`${what} is taken away, and what it leads to is not touched`, async (test) => {
      const { dir, foreign } = await withForeign(test);
      await make(foreign, join(dir, NAME));
      const markers = await openMarkerFiles(dir);
      await markers.sealed(seal(), false);
      const { size, nlink } = await lstat(join(dir, NAME));
      assert.deepEqual([size, nlink], [0, 1]);
      await rm(join(dir, NAME));
      await make(foreign, join(dir, NAME));
      await markers.reopened(seal());
      assert.deepEqual(await listed(dir), []);
      assert.equal(await readFile(foreign, 'utf8'), 'not yours\n');
    });

  it('a directory is named, stays, and stops nothing else', async (test) => {
    const { dir } = await withForeign(test);
    await mkdir(join(dir, NAME));
    await mkdir(join(dir, DAY));
    const markers = await openMarkerFiles(dir);
    assert.deepEqual(await markers.keepOnly(() => Promise.resolve(false)), { files: 0, examples: [] });
    await assert.rejects(markers.sealed(seal(), false), {
      code: 'storage',
      retryable: true,
      message: new RegExp(`${NAME} is a directory where a marker belongs: move it away`),
    });
    await markers.reopened(seal());
    await markers.sealed(seal({ hour: '2026112217' }), false);
    assert.deepEqual(await listed(dir), [DAY, NAME, 'web1_access_2026112217_120']);
  });

  it('others may not write what is made, whatever the umask', async (test) => {
    const before = process.umask(0);
    test.after(() => process.umask(before));
    const dir = await scratch(test);
    await (await openMarkerFiles(dir)).sealed(seal(), true);
    assert.equal((await stat(dir)).mode & 0o777, 0o755);
    for (const name of await listed(dir)) assert.equal((await stat(join(dir, name))).mode & 0o777, 0o644);
  });
});
