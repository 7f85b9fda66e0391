/**
 * Finds the files of a pattern, again and again, without touching what cannot have changed.
 *
 * A directory is listed again only when its modification time has changed since it was listed, and once more after
 * that (a change within the same tick of the file system's clock leaves no trace). A file is looked at (stat) on every
 * scan; files whose label lies before the caller's `activeFrom` only when they are new and on every full scan, which
 * also lists every directory again. So a scan over 100,000 old files costs one stat of their directory.
 *
 * Symbolic links are followed, to directories and to regular files. Names that fit the pattern and are no such file (pipes,
 * sockets, devices, directories, links to nothing), or name no real time, are passed over, and told once.
 */
import type { BigIntStats, Stats } from 'node:fs';
import { lstat, opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { bytesOfPath, textOfPath } from '../disk/path-bytes.ts';
import { errnoOf, messageOf } from '../error.ts';
import { plainLabel } from '../pack/hour.ts';
import type { Hours } from '../pack/hour.ts';
import { skippedNames } from './skipped-names.ts';
import { finishFields, labelPrefix } from './pattern.ts';
import type { PatternFields, MatchedName, Pattern } from './pattern.ts';

/** Files looked at side by side: enough to hide a slow disk, and the thread pool stays free for compression. */
const STATS_AT_ONCE = 8;

/** A file of the pattern, as it was when last looked at. Times are Unix milliseconds. */
export interface SourceFile {
  readonly path: string;
  /** Label of the file's hour or day: of the first occurrence where the hour comes twice. */
  readonly label: string;
  /** Label of the second occurrence: the file holds the lines of both. */
  readonly repeated: string | undefined;
  /** False when the zone does not have this hour: the clock jumped over it. */
  readonly exists: boolean;
  /** Order among the files of one label; 0 where the pattern has no %M. */
  readonly minute: number;
  /** Device and inode in decimal: they can be larger than a number holds exactly. */
  readonly dev: string;
  readonly ino: string;
  readonly size: number;
  readonly mtimeMs: number;
  readonly birthtimeMs: number;
}

/** How to scan. */
export interface ScanOptions {
  /** Files of earlier labels, and directories that can only hold such, are not looked at again in this scan. */
  readonly activeFrom?: string | undefined;
  /** Looks at everything again; do it every now and then, for changes that left no trace. The first scan is full. */
  readonly full?: boolean;
}

/** Remembers what it has seen. One scan at a time. */
export interface Discovery {
  /** All files there are, in segment order: by label, then minute, then path. */
  scan(options?: ScanOptions): Promise<SourceFile[]>;
  /** True when the last scan could not see whether there is more in the file: it, or a directory above it, could not be looked at. */
  isHidden(path: string): boolean;
}

/** What to look for, and whom to tell of a file or directory that cannot be read: once, until it can be read again. */
export interface DiscoveryOptions {
  readonly pattern: Pattern;
  readonly hours: Hours;
  readonly onError: (path: string, error: unknown) => void;
  /** Is told of each name that fits the pattern and cannot be followed, once while it is there. */
  readonly onSkipped?: (path: string, reason: string) => void;
  /** Most files remembered; more are an error and stay unseen. Default 1,000,000, about 500 MB. */
  readonly maxFiles?: number;
}

interface Listing {
  /** What must be the same for the listing to stand. */
  readonly stamp: string;
  /** Listed again after the stamp was first seen. */
  readonly settled: boolean;
  /** Names that match, with the fields of the path up to there. */
  readonly names: ReadonlyMap<string, PatternFields>;
}

const inSegmentOrder = (a: SourceFile, b: SourceFile): number => {
  if (a.label !== b.label) return a.label < b.label ? -1 : 1;
  if (a.minute !== b.minute) return a.minute - b.minute;
  return a.path < b.path ? -1 : Number(a.path > b.path);
};

const NO_TIME = 'its name fits the pattern and names no real time';
const OTHER_TIME = 'its name fits the pattern and names another time than the directories above it';

/** What has the name of a file and is none. */
const kindOf = (stats: BigIntStats): string => {
  if (stats.isDirectory()) return 'it is a directory';
  if (stats.isFIFO()) return 'it is a named pipe';
  if (stats.isSocket()) return 'it is a socket';
  return 'it is a device';
};

/** Vanished meanwhile, or not a directory though it has a directory's name: nothing to report. */
const isAbsence = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '');

/** What has the name itself, be it a link to nothing. */
const linkAt = (path: string): Promise<Stats | undefined> => lstat(bytesOfPath(path)).catch(() => undefined);

/** What a scan leaves behind for the next. */
interface Memory {
  readonly listings: Map<string, Listing>;
  readonly files: Map<string, SourceFile>;
  /** What was wrong, by path. */
  readonly faults: Map<string, string>;
}

const emptyMemory = (): Memory => ({ listings: new Map(), files: new Map(), faults: new Map() });

const fileOf = (
  path: string,
  { fields, minute }: MatchedName,
  stats: BigIntStats,
  hours: Hours,
): SourceFile => {
  const [label, repeated] = hours.labelsFor(fields);
  return {
    ...{ path, label: label ?? plainLabel(fields), repeated, exists: label !== undefined, minute },
    ...{ dev: String(stats.dev), ino: String(stats.ino), size: Number(stats.size) },
    ...{ mtimeMs: Number(stats.mtimeMs), birthtimeMs: Number(stats.birthtimeMs) },
  };
};

const isAtOrBelow = (path: string, top: string): boolean =>
  path === top || path.startsWith(top.endsWith('/') ? top : `${top}/`);

const tooManyOdd = (most: number): string =>
  `more than ${most} names like those before are below it: no more of them are reported`;

/** What is found while a directory is read. */
interface NamesFound {
  readonly most: number;
  /** A name that fits and is not followed. */
  onOdd(path: string, reason: string): void;
  /** There are more: the rest stays unseen. */
  onTooMany(): void;
}

/** Streams the directory: names that do not match are never held. */
const namesIn = async (
  directory: string,
  part: Pattern['parts'][number],
  isLast: boolean,
  fields: PatternFields,
  { most, onOdd, onTooMany }: NamesFound,
): Promise<Map<string, PatternFields>> => {
  const names = new Map<string, PatternFields>();
  // `buffer` is a documented encoding that the type of the option leaves out.
  const encoding = 'buffer' as BufferEncoding;
  for await (const entry of await opendir(bytesOfPath(directory), { bufferSize: 512, encoding })) {
    const name = textOfPath(entry.name as unknown as Buffer);
    const found = part.match(name, fields);
    if (found === undefined) {
      if (part.match(name, {}) !== undefined) onOdd(join(directory, name), OTHER_TIME);
      continue;
    }
    if (isLast && finishFields(found) === undefined) {
      onOdd(join(directory, name), NO_TIME);
      continue;
    }
    if (names.size >= most) {
      onTooMany();
      break;
    }
    names.set(name, found);
  }
  return names;
};

/** Opens a discovery; it holds no handles and needs no closing. */
export const openDiscovery = (options: DiscoveryOptions): Discovery => {
  const { pattern, hours, onError, onSkipped = () => undefined, maxFiles = 1_000_000 } = options;
  const tooMany = () => new Error(`More than ${maxFiles} files match ${pattern.text}: the rest stays unseen`);
  let last = emptyMemory();
  let next = emptyMemory();
  let { activeFrom, full }: ScanOptions = {};

  const report = (path: string, error: unknown): void => {
    const what = errnoOf(error) ?? messageOf(error);
    if ((next.faults.get(path) ?? last.faults.get(path)) !== what) onError(path, error);
    next.faults.set(path, what);
  };

  const odd = skippedNames(onSkipped, (most) => onSkipped(pattern.root, tooManyOdd(most)));

  const list = (
    directory: string,
    depth: number,
    fields: PatternFields,
  ): Promise<Map<string, PatternFields>> =>
    namesIn(directory, pattern.parts[depth]!, depth === pattern.parts.length - 1, fields, {
      most: maxFiles,
      onOdd: odd.tell,
      onTooMany: () => report(directory, tooMany()),
    });

  const listingOf = async (
    directory: string,
    depth: number,
    fields: PatternFields,
  ): Promise<Listing | undefined> => {
    const before = last.listings.get(directory);
    const prefix = labelPrefix(fields);
    const isOld = activeFrom !== undefined && prefix < activeFrom.slice(0, prefix.length);
    if (before !== undefined && isOld && !full) return before;
    try {
      const { dev, ino, mtimeNs } = await stat(bytesOfPath(directory), { bigint: true });
      const stamp = `${dev}:${ino}:${mtimeNs}`;
      const isSame = before?.stamp === stamp;
      if (isSame && before.settled && !full) return before;
      return { stamp, settled: isSame, names: await list(directory, depth, fields) };
    } catch (error) {
      // A directory that vanished takes its files with it; one that cannot be read now keeps what is known of it.
      const isGone = isAbsence(error);
      if (!isGone || directory === pattern.root) report(directory, error);
      return isGone ? undefined : before;
    }
  };

  async function* candidates(
    directory: string,
    depth: number,
    fields: PatternFields,
  ): AsyncGenerator<readonly [path: string, matched: MatchedName]> {
    const { literal } = pattern.parts[depth]!;
    const listing = literal === undefined ? await listingOf(directory, depth, fields) : undefined;
    if (listing !== undefined) next.listings.set(directory, listing);
    for (const [name, found] of literal === undefined
      ? (listing?.names ?? [])
      : [[literal, fields] as const]) {
      const path = join(directory, name);
      const matched = finishFields(found);
      if (depth < pattern.parts.length - 1) yield* candidates(path, depth + 1, found);
      else if (matched !== undefined) yield [path, matched];
      else if ((await linkAt(path)) !== undefined) odd.tell(path, NO_TIME);
    }
  }

  const look = async (path: string, matched: MatchedName): Promise<SourceFile | undefined> => {
    try {
      const stats = await stat(bytesOfPath(path), { bigint: true });
      if (!stats.isFile()) {
        odd.tell(path, kindOf(stats));
        return undefined;
      }
      odd.forget(path);
      return fileOf(path, matched, stats, hours);
    } catch (error) {
      if (isAbsence(error)) {
        if ((await linkAt(path))?.isSymbolicLink()) odd.tell(path, 'it is a symbolic link to nothing');
        else odd.forget(path);
        return undefined;
      }
      report(path, error);
      return last.files.get(path);
    }
  };

  return {
    isHidden: (path) => [...last.faults.keys()].some((fault) => isAtOrBelow(path, fault)),
    async scan(how = {}) {
      ({ activeFrom, full } = how);
      next = emptyMemory();
      let matches = 0;
      let looking: Promise<void>[] = [];
      for await (const [path, matched] of candidates(pattern.root, 0, {})) {
        if (++matches > maxFiles) {
          report(pattern.root, tooMany());
          break;
        }
        const known = last.files.get(path);
        if (known !== undefined && !full && activeFrom !== undefined && known.label < activeFrom) {
          next.files.set(path, known);
          continue;
        }
        looking.push(
          look(path, matched).then((file) => void (file !== undefined && next.files.set(path, file))),
        );
        if (looking.length < STATS_AT_ONCE) continue;
        await Promise.all(looking);
        looking = [];
      }
      await Promise.all(looking);
      if (full) odd.forgetUnseen();
      last = next;
      return [...last.files.values()].sort(inSegmentOrder);
    },
  };
};
