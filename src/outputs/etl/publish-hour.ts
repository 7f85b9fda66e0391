/**
 * Puts the files of an hour where readers look for them, all or nothing for each file, and those of an earlier run away.
 *
 *   DIR/.work/<part>/…            being written; readers skip names that begin with a dot
 *   DIR/.hours/<part>.json        which files the hour has: written before anything is moved
 *   DIR/<table>/<k>=<v>/<part>.<ext>   final
 *   DIR/etl_reject/<part>.jsonl   lines that could not be parsed
 *   DIR/etl_done/<part>           the hour is done; etl_fail/<part> holds why it is not
 *
 * Recovery: a crash at any point is mended by running the hour again. The list names the files of the run before and of this one
 * until all are moved, so that none is left over; the same hour gives the same bytes.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncDirectory } from '../../disk/durable-directory.ts';
import type { Table } from './columns.ts';
import { EXTENSIONS, type Form } from './forms.ts';
import type { EtlCounts } from './hour-etl.ts';
import { toParquet } from './parquet.ts';

export const workDirectory = (dir: string, part: string): string => join(dir, '.work', part);

const listPath = (dir: string, part: string): string => join(dir, '.hours', `${part}.json`);

/** The SHA-256 of the sealed hour that a part was made of; undefined where it is not done, or of a plain file. */
export const sealOfPart = async (dir: string, part: string): Promise<string | undefined> => {
  if (!existsSync(join(dir, 'etl_done', part))) return undefined;
  try {
    return (JSON.parse(await readFile(listPath(dir, part), 'utf8')) as { seal?: string }).seal;
  } catch {
    return undefined;
  }
};

const readListed = async (dir: string, part: string): Promise<string[]> => {
  try {
    const { files } = JSON.parse(await readFile(listPath(dir, part), 'utf8')) as { files: string[] };
    return files;
  } catch {
    return [];
  }
};

const writeDurably = async (path: string, text: string): Promise<void> => {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, text, { flush: true });
  await rename(`${path}.new`, path);
  await syncDirectory(dirname(path));
};

/** Where a file of the work directory ends up, below `dir`. */
const finalName = (file: string, form: Form): string =>
  file.startsWith('etl_reject/') ? file : `${file}.${EXTENSIONS[form]}`;

/** Moves the files of a finished run to their places. Idempotent together with running the hour again. */
export const publishHour = async (
  dir: string,
  part: string,
  rules: { readonly form: Form; readonly tables: readonly Table[] },
  run: { readonly counts: EtlCounts; readonly files: readonly string[]; readonly longestRow: number },
  seal?: string,
): Promise<string[]> => {
  const work = workDirectory(dir, part);
  const before = await readListed(dir, part);
  const now = run.files.map((file) => finalName(file, rules.form));
  await writeDurably(listPath(dir, part), JSON.stringify({ files: [...new Set([...before, ...now])] }));
  for (const file of run.files) {
    const to = join(dir, finalName(file, rules.form));
    await mkdir(dirname(to), { recursive: true });
    let from = join(work, file);
    if (rules.form === 'parquet' && !file.startsWith('etl_reject/')) {
      const table = rules.tables.find(({ name }) => file.startsWith(`${name}/`));
      await toParquet(from, `${from}.parquet`, table?.columns ?? [], run.longestRow);
      from = `${from}.parquet`;
    }
    await rename(from, to);
    await syncDirectory(dirname(to));
  }
  for (const file of before) if (!now.includes(file)) await rm(join(dir, file), { force: true });
  await writeDurably(listPath(dir, part), JSON.stringify({ files: now, counts: run.counts, seal }));
  await writeDurably(join(dir, 'etl_done', part), '');
  await rm(join(dir, 'etl_fail', part), { force: true });
  await rm(work, { recursive: true, force: true });
  return now;
};

/** Says in a marker file why an hour is not done. */
export const markFailed = (dir: string, part: string, reason: string): Promise<void> =>
  writeDurably(join(dir, 'etl_fail', part), `${reason}\n`);
