/**
 * Packs that the next hop refused for good after this relay had acknowledged them. They are kept until a person decides.
 *
 *   <dir>/refused/<host>_<stream>_<hour>_<id>.pack    one record each, see record.ts; its header says why; names as joinNames joins them
 *   <dir>/refused/….retry                             renamed by `logd spool retry`; the running relay sends it again
 *
 * Invariant: a pack is done in the spool only after its file here is durable.
 */
import { open, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory, syncDirectory } from '../disk/durable-directory.ts';
import { errnoOf } from '../error.ts';
import { joinNames } from '../pack/name.ts';
import type { Pack, PackHeader } from '../pack/pack.ts';
import { decodeRecord, encodeRecordHead } from './record.ts';

export interface RefusedPack {
  readonly name: string;
  readonly header: PackHeader;
  readonly bodyBytes: number;
  /** Unix milliseconds. */
  readonly spooled: number;
  readonly reason: string;
  /** It is to be sent again. */
  readonly retrying: boolean;
}

const directoryOf = (spoolDir: string): string => join(spoolDir, 'refused');
const nameOf = ({ host, stream, hour, id }: PackHeader): string => joinNames(host, stream, hour, id);

/** Keeps a refused pack durably; returns its path. */
export const keepRefused = async (
  spoolDir: string,
  pack: Pack,
  reason: string,
  spooled: number,
): Promise<string> => {
  const dir = directoryOf(spoolDir);
  await makeDirectory(dir, 'spool.dir', 0o750);
  const path = join(dir, `${nameOf(pack.header)}.pack`);
  const handle = await open(`${path}~`, 'w', 0o640);
  try {
    await handle.writev([
      encodeRecordHead({ spooled, pack: pack.header, refused: reason }, pack.body),
      pack.body,
    ]);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${path}~`, path);
  await syncDirectory(dir);
  return path;
};

const namesIn = async (spoolDir: string, ending: string): Promise<string[]> => {
  try {
    return (await readdir(directoryOf(spoolDir))).filter((name) => name.endsWith(ending)).sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
};

const readRefused = async (path: string): Promise<ReturnType<typeof decodeRecord>> =>
  decodeRecord(await readFile(path));

/** What is kept, by name. */
export const listRefused = async (spoolDir: string): Promise<RefusedPack[]> => {
  const found: RefusedPack[] = [];
  for (const ending of ['.pack', '.retry'])
    for (const file of await namesIn(spoolDir, ending)) {
      const record = await readRefused(join(directoryOf(spoolDir), file)).catch(() => undefined);
      if (record === undefined) continue;
      const { pack: header, body, spooled, refused: reason = '' } = record;
      const name = file.slice(0, -ending.length);
      found.push({ name, header, bodyBytes: body.length, spooled, reason, retrying: ending === '.retry' });
    }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
};

/** Asks the relay, running or at its next start, to send the pack again. */
export const retryRefused = (spoolDir: string, name: string): Promise<void> =>
  rename(join(directoryOf(spoolDir), `${name}.pack`), join(directoryOf(spoolDir), `${name}.retry`));

/** Deletes the pack for good. */
export const dropRefused = async (spoolDir: string, name: string): Promise<void> => {
  await unlink(join(directoryOf(spoolDir), `${name}.pack`));
  await syncDirectory(directoryOf(spoolDir));
};

/** The packs that are to be sent again, one after the other; each is deleted when `send` resolves with true. */
export const sendRetries = async (
  spoolDir: string,
  send: (pack: Pack, spooled: number) => Promise<boolean>,
): Promise<void> => {
  for (const file of await namesIn(spoolDir, '.retry')) {
    const path = join(directoryOf(spoolDir), file);
    const record = await readRefused(path);
    if (record === undefined) continue;
    const settled = await send({ header: record.pack, body: Buffer.from(record.body) }, record.spooled);
    if (settled) await unlink(path);
  }
};
