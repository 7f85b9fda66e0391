/**
 * What a sink stored of one segment, read back and held against the ledger's packs.
 *
 * The stored bytes are cut at the packs' ends as they come, so that a difference has a place: the pack, its byte range in the
 * segment, and where the sink keeps it. Memory is one buffer of the sink's and one page of packs, whatever the segment's size.
 */
import { messageOf } from '../error.ts';
import type { PackRecord, RecordedSegment } from '../ledger/ledger.ts';
import { runningDigest } from '../pack/digest.ts';
import { countLines, runningChecksum } from '../pack/survey.ts';
import type { SegmentKey } from '../pack/pack.ts';
import type { Store } from '../stores/store.ts';

const MOST_DIFFERENCES = 20;

/** One place where the stored bytes are not what the ledger says. */
export interface Difference {
  /** Id of the pack; undefined where the bytes belong to none. */
  readonly pack: number | undefined;
  /** Byte range within the segment's raw bytes: `from` inclusive, `to` exclusive. */
  readonly from: number;
  readonly to: number;
  /** Where the sink keeps the pack, in its own terms: byte position and length in the stored file. */
  readonly place: PackRecord['place'] | undefined;
  readonly what: string;
}

export interface StoredTotals {
  readonly bytes: number;
  readonly lines: number;
  readonly sha256: string;
}

export interface StoredContents extends StoredTotals {
  /** The first 20, in the order of the segment. */
  readonly differences: readonly Difference[];
  /** What the packs that were read take in the sink's own terms: the sum of their places' lengths. */
  readonly storedBytes: number;
}

/**
 * Reads a segment back from its sink. Never rejects for what it finds in the stored bytes: a pack that cannot be read or
 * decoded is a difference, and ends the reading.
 * @param onBytes told of raw bytes as they are read, for progress.
 */
export const readStored = async (
  sink: Pick<Store, 'read'>,
  recorded: RecordedSegment,
  onBytes: (bytes: number) => void = () => {},
): Promise<StoredContents> => {
  const digest = runningDigest();
  const check = packChecks(recorded);
  let lines = 0;
  try {
    await check.begin();
    for await (const buffer of sink.read(recorded)) {
      digest.update(buffer);
      lines += countLines(buffer);
      await check.take(buffer);
      onBytes(buffer.length);
    }
    await check.end();
  } catch (error) {
    check.broken(messageOf(error));
  } finally {
    await check.close();
  }
  return {
    ...{ bytes: digest.bytes, lines, sha256: digest.hex() },
    ...{ differences: check.differences, storedBytes: check.storedBytes() },
  };
};

/** Walks the packs along with the bytes. Lost packs and empty last packs hold no bytes and are stepped over. */
const packChecks = (recorded: RecordedSegment) => {
  const packs = recorded.packs()[Symbol.asyncIterator]();
  const differences: Difference[] = [];
  let current: PackRecord | undefined;
  let from = 0; // offset of the current pack within the segment, or of what is read behind the last one
  let taken = 0; // bytes of the current pack seen so far
  let checksum = runningChecksum();
  let storedBytes = 0;

  const held = (pack: PackRecord): number => (pack.header.lost ? 0 : pack.header.bytes);
  const differ = (what: string, to: number): void => {
    if (differences.length < MOST_DIFFERENCES)
      differences.push({ pack: current?.header.id, from, to, place: current?.place, what });
  };
  const next = async (): Promise<void> => {
    do {
      const result = await packs.next();
      current = result.done ? undefined : result.value;
      storedBytes += current?.place.length ?? 0;
    } while (current && held(current) === 0);
    from = current?.header.offset ?? from;
    taken = 0;
    checksum = runningChecksum();
  };

  return {
    differences,
    storedBytes: () => storedBytes,
    begin: next,
    async take(buffer: Buffer): Promise<void> {
      for (let at = 0; at < buffer.length;) {
        if (!current) {
          // The packs of an archived segment are forgotten: the whole of it is compared.
          if (recorded.segment.archived === true) return;
          differ('is stored beyond the last recorded pack', from + buffer.length - at);
          from += buffer.length - at;
          return;
        }
        const part = buffer.subarray(at, at + held(current) - taken);
        checksum.update(part);
        taken += part.length;
        at += part.length;
        if (taken < held(current)) return;
        const [is, was] = [checksum.value(), current.header.checksum];
        if (is !== was) differ(`has checksum ${hex(is)}, recorded is ${hex(was)}`, from + taken);
        from += taken;
        await next();
      }
    },
    async end(): Promise<void> {
      if (current) differ(`ends after ${taken} of ${held(current)} bytes`, from + held(current));
    },
    broken: (reason: string): void =>
      differ(`cannot be read: ${reason}`, from + (current ? held(current) : 0)),
    close: async (): Promise<void> => void (await packs.return?.()),
  };
};

const hex = (checksum: number): string => checksum.toString(16).padStart(8, '0');

/** One line for a person: which pack, which bytes, which file, what is wrong. `place` where the sink's terms differ from the segment's. */
export const describeDifference = (key: SegmentKey, difference: Difference, file: string): string => {
  const { pack, from, to, place, what } = difference;
  const subject = pack === undefined ? 'something' : `pack ${pack}`;
  const at =
    place && (place.at !== from || place.length !== to - from)
      ? `, stored at ${place.at}+${place.length}`
      : '';
  return `${key.host}/${key.stream}/${key.hour}: ${subject} ${what} (bytes ${from}–${to - 1} of the segment${at}, in ${file})`;
};
