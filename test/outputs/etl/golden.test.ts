/**
 * A log with everything that is odd in it, and the files that each form makes of it, byte for byte, in golden/expected.json (as
 * latin1, so that every byte is a character). `LOGD_WRITE_GOLDEN=1` writes them again: read the difference before it is committed.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { runHour } from '../../../src/outputs/etl/run-hour.ts';

const GOLDEN = join(import.meta.dirname, 'golden');
const EXPECTED = join(GOLDEN, 'expected.json');
const FORMS = ['hive', 'tsv', 'jsonl'] as const;

type Files = Record<string, string>;

/** What readers see below a directory. */
const filesBelow = async (dir: string): Promise<Files> => {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  const names = paths.map((path) => path.slice(dir.length + 1)).filter((name) => !name.startsWith('.'));
  const read = names.toSorted().map(async (name): Promise<[string, string]> => {
    return [name, await readFile(join(dir, name), 'latin1')];
  });
  return Object.fromEntries(await Promise.all(read));
};

const runOn = async (log: Buffer, form: (typeof FORMS)[number]): Promise<Files> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-golden-'));
  try {
    const list = (name: string): string => join(GOLDEN, `${name}.txt`);
    const { counts } = await runHour(
      {
        ...{ format: 'vhost_combined', form, zone: 'line', columns_file: join(GOLDEN, 'colsmap.json') },
        ...{ spiders_file: list('spiders'), hosts_file: list('hosts'), addresses_file: list('addresses') },
      },
      { dir, part: 'part-web1' },
      (async function* () {
        yield await Promise.resolve(log);
      })(),
    );
    const { lines, rows, dropped, rejected } = counts;
    const lost = Object.values(dropped).reduce((sum, each) => sum + each, 0);
    assert.equal(lines, rows + lost + rejected);
    return { ...(await filesBelow(dir)), counts: JSON.stringify(counts) };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};

it('makes the same files of a log as ever', async () => {
  const log = await readFile(join(GOLDEN, 'access.log'));
  const found: Record<string, Files> = {};
  for (const form of FORMS) found[form] = await runOn(log, form);
  if (process.env['LOGD_WRITE_GOLDEN'] === '1')
    await writeFile(EXPECTED, `${JSON.stringify(found, null, 2)}\n`);
  assert.deepEqual(found, JSON.parse(await readFile(EXPECTED, 'utf8')));
});
