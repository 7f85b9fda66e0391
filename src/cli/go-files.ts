/** Reads the files that a Go node's configuration names, as far as `logd import` takes them over. */
import { readdir, readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { GoFiles } from '../config/go-roles.ts';
import type { Ini } from '../config/ini.ts';
import { messageOf } from '../error.ts';
import { readTables } from '../outputs/etl/load-rules.ts';

/** `<file> <lines>`, the last line that is not empty. */
const POSITION = /^(.+?)\s+(\d+)$/;
const TAG = /^(.+)_(\d{10})_\d+$/;

const readPosition = async (path: string): Promise<NonNullable<GoFiles['position']>> => {
  const last = (await readFile(path, 'utf8')).trim().split('\n').at(-1) ?? '';
  const [, file, lines] = POSITION.exec(last.trim()) ?? [];
  if (file === undefined) throw new Error(`${path} does not say "file lines"`);
  return { file, lines: Number(lines) };
};

/** The last hour of each address, of names such as `10.0.0.1_2026112216_1838`. */
const lastTags = (names: readonly string[]): ReadonlyMap<string, string> => {
  const last = new Map<string, string>();
  for (const name of names) {
    const [, address, hour] = TAG.exec(name) ?? [];
    if (address !== undefined && hour !== undefined && hour > (last.get(address) ?? ''))
      last.set(address, hour);
  }
  return last;
};

/** `base`: the directory in which the Go node was started. */
export const readGoFiles = async (ini: Ini, base: string): Promise<GoFiles> => {
  const faults = new Map<string, string>();
  const at = (path: string): string => (isAbsolute(path) ? path : join(base, path));
  const attempt = async <Value>(
    path: string,
    read: (path: string) => Promise<Value>,
  ): Promise<Value | undefined> => {
    try {
      return await read(at(path));
    } catch (error) {
      faults.set(path, `${messageOf(error).replace(/\.$/, '')}.`);
      return undefined;
    }
  };
  const tail = ini.get('tail');
  const record = tail?.get('record_file') ?? tail?.get('record');
  const position = record === undefined ? undefined : await attempt(record, readPosition);
  const etl = ini.get('etlcollector');
  const columns = etl?.get('columns_file');
  if (columns) await attempt(columns, async (path) => readTables(path));
  for (const key of ['spider_list', 'hosts_white_list', 'ip_black_list']) {
    const list = etl?.get(key);
    if (list) await attempt(list, (path) => readFile(path));
  }
  const tags = await readdir(join(base, 'received')).catch(() => []);
  return { base, position, faults, lastTags: lastTags(tags) };
};
