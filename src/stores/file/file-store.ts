/**
 * The file store: one file for each segment, in a Hive-style layout.
 *
 * Formats
 *   none   the segment's raw bytes. A pack is written at its offset within the segment, so order does not matter and
 *          repeats are harmless. Place: { at: header.offset, length: header.bytes }.
 *   zstd   `.zst`, the packs' zstd frames as they came, in order of arrival until sealed, then in pack order (order.ts).
 *          Place: where the frame was appended. `zstdcat` of a sealed file gives exactly the segment's bytes.
 * A pack without bytes has the place { at: 0, length: 0 } in both. A segment that has a file in the other format keeps to it,
 * so that the compression and the layout may be changed at any time (store-record.ts).
 *
 * Invariants and recovery: stored-files.ts (open files), final-form.ts (after a crash, and sealed), directories.ts.
 */
import { existsSync } from 'node:fs';
import { constants } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { choice, path as pathKind, textWith } from '../../config/kind.ts';
import { retain } from '../../config/retain.ts';
import { option, section } from '../../config/option.ts';
import type { Place, RecordedSegment, SegmentRecord } from '../../ledger/ledger.ts';
import { encode } from '../../pack/codec.ts';
import { type PackHeader, type SegmentKey, segmentName, type VerifiedPack } from '../../pack/pack.ts';
import type { Store, StoreKind, StoreRepairs, StoreView } from '../store.ts';
import { inspectFile, repairFile, takeLeftRepair } from './repair.ts';
import { readWhole, removedByRetention, removeFile } from './removal.ts';
import { createGuard, OWN_LEVEL, restoreFile } from './restore.ts';
import { stagedPacksBelow } from './staged-packs.ts';
import { descriptorLimit, storedDescriptors } from '../../disk/descriptors.ts';
import { makeDirectory } from '../../disk/durable-directory.ts';
import { checkLevels, openOwnFile, statOwnFile } from '../../disk/no-links.ts';
import { fault } from '../../fault/fault.ts';
import { asideOf } from './aside.ts';
import { type Directories, directoriesBelow } from './directories.ts';
import { finishFile, recoverFile } from './final-form.ts';
import { checkLayout, COMPRESSED, DEFAULT_LAYOUT, layoutPath } from './layout.ts';
import { atMost } from '../../disk/at-most.ts';
import { lockDirectory } from '../../disk/directory-lock.ts';
import { readPacks } from './read.ts';
import { checkStoreId, keepStoreRecord, layoutsOf, readStoreRecord } from './store-record.ts';
import { storageError, type StoredFile } from './stored-file.ts';
import { StoredFiles } from './stored-files.ts';

/** Files that are put in order at a time: each takes the memory of a range. */
const REWRITING = 4;
const NOWHERE: Place = { at: 0, length: 0 };

const schema = section('Files, one for each host, stream and hour.', {
  dir: option(pathKind(), {
    summary: 'Directory below which the files are stored. Only one sink may use it at a time.',
    example: '/srv/logd/store',
  }),
  compression: option(choice('none', 'zstd'), {
    summary:
      'How files are stored: `none` as plain text, readable as it arrives; `zstd` as the packs came over the wire.',
    default: 'none',
    example: 'zstd',
  }),
  layout: option(textWith('layout', checkLayout), {
    summary:
      'Path of a file below `dir`, with {stream}, {host}, {date} (or {year}, {month}, {day}) and {hour}, which is `all` ' +
      'for a stream with a segment a day. `zstd` adds `.zst`. After a change, hours that have begun keep their files where they are.',
    absent: `the layout that the store has; a new store gets ${DEFAULT_LAYOUT}`,
    example: DEFAULT_LAYOUT,
  }),
  retain: option(retain(), {
    summary:
      'How long the files of sealed hours stay: `forever`, so long after they were sealed (`90d`), or until all outputs have them (`delivered`). Files of hours that are not sealed, or that an output still needs, stay in any case. Lines that come for a removed hour are refused; they stay with their agent.',
    default: 'forever',
    example: '90d',
  }),
});

/** How long files are kept is the sink's to see to. */
export type FileStoreOptions = Omit<z.output<typeof schema>, 'retain'>;

/**
 * Opens the store; rejects with `storage` when the directory cannot be made, another sink has it, or it is not the store whose id the
 * ledger knows.
 */
export const openFileStore = async (
  options: FileStoreOptions,
  {
    mostOpen = storedDescriptors(descriptorLimit()),
    id: known,
  }: { readonly mostOpen?: number; readonly id?: string | undefined } = {},
): Promise<Store> => {
  const { dir } = options;
  await checkStoreId(dir, known);
  await makeDirectory(dir, 'sink.store.dir');
  using starting = new DisposableStack();
  const lock = starting.use(lockDirectory(dir, '.logd-lock', 'stores into'));
  const { id, layouts } = await keepStoreRecord(dir, options.layout);
  const directories = directoriesBelow(dir);
  const view = viewFiles(options, layouts);
  const aside = asideOf(dir);
  const rewriting = atMost(REWRITING);
  const guard = createGuard();
  const locate = (key: SegmentKey): Promise<string> => Promise.resolve(view.locate(key));
  const files = new StoredFiles(directories, locate, mostOpen, aside, guard.doubt);

  const learn = async (file: StoredFile, recorded: RecordedSegment): Promise<void> => {
    const { path } = file;
    files.learn(file, undefined);
    await guard.check(path, isCompressed(path), recorded);
    const end = await recoverFile(path, isCompressed(path), recorded);
    files.learn(file, end, await statOwnFile(path));
  };

  /** Rejects with `corrupt` unless everything that is recorded, or was written since, is in the file. */
  const confirm = async (file: StoredFile, recorded: RecordedSegment | undefined): Promise<void> => {
    const isStored = recorded !== undefined && recorded.segment.storedEnd > 0;
    if (isStored && !file.known) await learn(file, recorded);
    await files.confirm(file);
  };

  const write = (pack: VerifiedPack, recorded: RecordedSegment | undefined): Promise<Place> => {
    const { header, raw } = pack;
    if (header.bytes === 0 || header.lost !== undefined) return Promise.resolve(NOWHERE);
    return files.exclusive(header, async (file, era) => {
      try {
        await files.room(file);
        files.current(file, era);
        await confirm(file, recorded);
        const handle = await files.writable(file, header.generation, era);
        const compressed = isCompressed(file.path);
        const bytes = compressed ? await frameOf(pack) : raw;
        files.current(file, era);
        const at = compressed ? file.end : header.offset;
        await files.steps.write(handle, bytes, at);
        files.wrote(file, Math.max(file.end, at + bytes.length), era);
        return { at, length: bytes.length };
      } catch (error) {
        throw storageError('write', file.path, error);
      }
    });
  };

  const recover = (recorded: RecordedSegment): Promise<void> =>
    files.exclusive(recorded.segment, async (file) => {
      await (file.known ? files.confirm(file) : learn(file, recorded)).catch((error: unknown) => {
        throw storageError('recover', file.path, error);
      });
    });

  const isAsRecorded = async (segment: SegmentRecord): Promise<boolean> => {
    const path = view.locate(segment);
    await checkLevels(dir, path);
    return ((await statOwnFile(path))?.size ?? 0) === segment.storedEnd;
  };

  const seal = (recorded: RecordedSegment): Promise<void> =>
    files.exclusive(recorded.segment, async (file) => {
      try {
        await confirm(file, recorded);
        await files.release(file);
        await enter(directories, file, recorded);
        // From here on it may be another file, of another length.
        files.learn(file, undefined);
        await finishFile(file.path, isCompressed(file.path), recorded, rewriting);
        await aside.settle(file.path);
      } catch (error) {
        throw storageError('seal', file.path, error);
      }
    });

  const remove = (key: SegmentKey): Promise<void> =>
    files.exclusive(key, async (file) => {
      try {
        await files.release(file);
        files.learn(file, undefined);
        await removeFile(dir, file.path);
        await repairs.discard(key);
      } catch (error) {
        throw storageError('remove', file.path, error);
      }
    });

  const repairs = repairsOf({ dir, view, files, directories, trust: guard.trust });

  starting.move();
  return {
    ...view,
    ...{ id, directory: dir },
    repairs,
    recover,
    isAsRecorded,
    write,
    flush: () => files.flush(),
    forget: () => files.forget(),
    seal,
    remove,
    [Symbol.asyncDispose]: async () => {
      await files.close();
      lock[Symbol.dispose]();
    },
  };
};

interface RepairParts {
  readonly dir: string;
  readonly view: StoreView;
  readonly files: StoredFiles;
  readonly directories: Directories;
  readonly trust: (name: string) => void;
}

const repairsOf = ({ dir, view, files, directories, trust }: RepairParts): StoreRepairs => {
  const staged = stagedPacksBelow(dir);

  /** Runs a job that puts a new file in place of the segment's, unless one that a crash left can take it. */
  const replacing = <T>(
    { segment, packs }: RecordedSegment,
    job: (path: string) => Promise<T>,
  ): Promise<T | undefined> =>
    files.exclusive(segment, async (file) => {
      const { path } = file;
      await files.release(file);
      await directories.prepare(path);
      files.learn(file, undefined);
      if (await takeLeftRepair(path, isCompressed(path), { segment, packs })) return undefined;
      const result = await job(path);
      await directories.flush();
      return result;
    });

  return {
    inspect: ({ segment, packs }) =>
      inspectFile(view.locate(segment), isCompressed(view.locate(segment)), { segment, packs }),
    async stage(pack) {
      fault('repair.before-stage');
      await staged.add(
        pack.header,
        pack.header.id,
        isCompressed(view.locate(pack.header)) ? await frameOf(pack) : pack.raw,
      );
      fault('repair.after-stage');
    },
    staged: (key) => staged.list(key),
    discard: (key) => staged.clear(key),
    async repair(recorded, record) {
      await replacing(recorded, (path) =>
        repairFile({ path, compressed: isCompressed(path), recorded, staged, record }),
      );
      trust(segmentName(recorded.segment));
    },
    async restore(recorded, record, from) {
      const why = await replacing(recorded, (path) => {
        const mayGoOn = from !== undefined;
        const compressed = isCompressed(path);
        return restoreFile({ path, compressed, recorded, record, from: from ?? path, mayGoOn });
      });
      if (why === undefined) trust(segmentName(recorded.segment));
      return why;
    },
  };
};

/** Makes sure that the file of a complete segment is there, also of one without bytes, and durably entered in its directory. */
const enter = async (
  directories: Directories,
  { path, identity }: StoredFile,
  { segment }: RecordedSegment,
): Promise<void> => {
  // One that this process has written to, and that is still there, was entered with the first ack.
  if (segment.storedEnd > 0 && identity !== undefined) return;
  await directories.prepare(path);
  // One that is there already may be read-only.
  if (segment.storedEnd === 0 && (await statOwnFile(path)) === undefined)
    await (await openOwnFile(path, constants.O_WRONLY | constants.O_CREAT)).close();
  await directories.flush();
};

/** `layouts`: what the store has used; the newest is what new hours get. */
const viewFiles = ({ dir, compression }: FileStoreOptions, layouts: readonly string[]): StoreView => {
  const suffixes = compression === 'none' ? ['', COMPRESSED] : [COMPRESSED, ''];
  const locate = (key: SegmentKey): string => {
    const paths = layouts
      .toReversed()
      .flatMap((each) => suffixes.map((suffix) => join(dir, layoutPath(each, key)) + suffix));
    return paths.find((path) => existsSync(path)) ?? paths[0]!;
  };
  async function* read(
    recorded: RecordedSegment,
    isWanted?: (header: PackHeader) => boolean,
  ): AsyncGenerator<Buffer> {
    const path = locate(recorded.segment);
    await checkLevels(dir, path);
    const { archived, removed } = recorded.segment;
    if (removed !== undefined) throw removedByRetention(path, recorded.segment, removed);
    if (archived === true) {
      yield* readWhole(path, recorded.segment);
      return;
    }
    yield* readPacks(path, isCompressed(path), recorded, isWanted);
  }
  return { locate, read };
};

const isCompressed = (path: string): boolean => path.endsWith(COMPRESSED);

/** The pack's body as a zstd frame: as it came, unless it came uncompressed. */
const frameOf = ({ header, body, raw }: VerifiedPack): Promise<Buffer> =>
  header.codec === 'zstd' ? Promise.resolve(body) : encode(raw, 'zstd', OWN_LEVEL);

export const fileStore: StoreKind<typeof schema> = {
  kind: 'file',
  summary: 'Stores each hour as a file, plain or compressed.',
  schema,
  open: (options, id) => openFileStore(options, { id }),
  view: async (options) =>
    viewFiles(options, await layoutsOf(options.dir, options.layout, await readStoreRecord(options.dir))),
};
