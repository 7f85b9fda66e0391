/**
 * What a store says of itself: `.logd-store` in its directory, JSON on one line.
 *
 *   {"id":"8c5f…","layouts":["…","…"]}
 *
 * id       the store's own. The ledger keeps it too, so that a directory that is not this store (a file system that is not mounted) is
 *          told from it before anything is written.
 * layouts  every layout that hours were begun under, the newest last: an hour keeps its file when `layout` is changed. The newest is
 *          also what new hours get where `layout` is not configured, so that a store does not change when the default does.
 * A store from before there were such records has none, and is known by its files.
 *
 * Written to `.logd-store~` and renamed, so that it is whole or not there. Recovery: none needed.
 */
import { randomUUID } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../../disk/durable-directory.ts';
import { FILE_MODE } from '../../disk/no-links.ts';
import { errnoOf, LogdError, messageOf } from '../../error.ts';
import { DEFAULT_LAYOUT, EARLIER_LAYOUT, hasEarlierFiles, layoutsCollide } from './layout.ts';

const NAME = '.logd-store';

export interface StoreRecord {
  readonly id: string;
  readonly layouts: readonly string[];
}

const isRecord = (value: unknown): value is StoreRecord =>
  typeof value === 'object' &&
  value !== null &&
  'id' in value &&
  typeof value.id === 'string' &&
  'layouts' in value &&
  Array.isArray(value.layouts) &&
  value.layouts.every((layout) => typeof layout === 'string');

/** The record of a directory; undefined where there is none. Rejects with `storage` where it cannot be read. */
export const readStoreRecord = async (dir: string): Promise<StoreRecord | undefined> => {
  const path = join(dir, NAME);
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (!isRecord(value)) throw new Error('it is no record of a store');
    return value;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw new LogdError('storage', `Cannot use ${path}: ${messageOf(error)}.`, { cause: error });
  }
};

const writeStoreRecord = async (dir: string, record: StoreRecord): Promise<void> => {
  const path = join(dir, NAME);
  try {
    await rm(`${path}~`, { force: true });
    await using file = await open(`${path}~`, 'wx', FILE_MODE);
    await file.writeFile(`${JSON.stringify(record)}\n`);
    await file.sync();
    await rename(`${path}~`, path);
    await syncDirectory(dir);
  } catch (error) {
    throw new LogdError('storage', `Cannot write ${path}: ${messageOf(error)}.`, { cause: error });
  }
};

/** Rejects with `storage` unless the directory is the store that the ledger knows by this id. Changes nothing. */
export const checkStoreId = async (dir: string, known: string | undefined): Promise<void> => {
  if (known === undefined) return;
  const found = await readStoreRecord(dir);
  if (found?.id === known) return;
  const what =
    found === undefined
      ? `${dir} is not the store of this ledger: it has no ${NAME}. Is its file system mounted?`
      : `${dir} is the store of another ledger: its id is ${found.id}, this ledger's store is ${known}.`;
  const goOn = `printf '%s\\n' '{"id":"${known}","layouts":[]}' > ${join(dir, NAME)}`;
  throw new LogdError(
    'storage',
    `${what} Nothing was written. To go on with this directory all the same, run: ${goOn}`,
  );
};

/** The layouts that hours of the store may have been begun under, and the one that new hours get, which is the last. */
export const layoutsOf = async (
  dir: string,
  wanted: string | undefined,
  record: StoreRecord | undefined,
): Promise<readonly [...before: string[], current: string]> => {
  const recorded = record?.layouts ?? [];
  const before = recorded.length > 0 ? recorded : (await hasEarlierFiles(dir)) ? [EARLIER_LAYOUT] : [];
  const current = wanted ?? before.at(-1) ?? DEFAULT_LAYOUT;
  return [...before.filter((each) => each !== current), current];
};

/**
 * The record of the directory once the layout that is `wanted` is the newest of its layouts; by default it keeps the one that it has.
 * A new store gets an id. Rejects with `config` where two hours could get one file.
 */
export const keepStoreRecord = async (dir: string, wanted: string | undefined): Promise<StoreRecord> => {
  const found = await readStoreRecord(dir);
  const layouts = await layoutsOf(dir, wanted, found);
  const layout = layouts.at(-1)!;
  if (found !== undefined && found.layouts.at(-1) === layout) return found;
  const other = layouts.find((each) => each !== layout && layoutsCollide(each, layout));
  if (other !== undefined)
    throw new LogdError(
      'config',
      `The layout ${layout} could give an hour the file that another hour has under the layout ${other}, which this store used before. Begin it with a directory of its own, such as v2/${layout}`,
    );
  const record = { id: found?.id ?? randomUUID(), layouts };
  await writeStoreRecord(dir, record);
  return record;
};
