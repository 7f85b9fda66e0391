/** A run of recorded packs, read back from the store: a few MiB at a time, whatever the size of the hour. */
import type { Ledger, PackRecord, SegmentRecord } from '../ledger/ledger.ts';
import { recordedSegment } from '../ledger/recorded.ts';
import { LogdError } from '../error.ts';
import { segmentName } from '../pack/pack.ts';
import type { Store } from '../stores/store.ts';
import { isClosed } from './due.ts';
import type { PackItem } from './output.ts';

/** At most so many packs and bytes at once; one pack may always come. */
const MOST_PACKS = 64;
const MOST_BYTES = 8 * 1024 * 1024;
const NEWLINE = 0x0a;

/** The next packs of a segment from `nextId` on, in order of id and without a hole, unless the segment is closed. */
export const nextPacks = async (
  ledger: Pick<Ledger, 'packs'>,
  segment: SegmentRecord,
  nextId: number,
): Promise<PackRecord[]> => {
  const run: PackRecord[] = [];
  let bytes = 0;
  let expected = nextId;
  for (const record of await ledger.packs(segment, nextId - 1, MOST_PACKS)) {
    const { id } = record.header;
    if (id !== expected && !isClosed(segment)) break;
    bytes += record.header.bytes;
    if (run.length > 0 && bytes > MOST_BYTES) break;
    run.push(record);
    expected = id + 1;
  }
  return run;
};

/** Lines to account for: a last line without newline counts. */
export const linesOf = (lines: number, last: number | undefined): number =>
  lines + (last === undefined || last === NEWLINE ? 0 : 1);

/** Reads the bytes of a run and yields an item for each pack, in order. A lost pack is an item without bytes. */
export async function* readRun(
  { ledger, store }: { readonly ledger: Pick<Ledger, 'packs'>; readonly store: Pick<Store, 'read'> },
  segment: SegmentRecord,
  run: readonly PackRecord[],
): AsyncGenerator<PackItem> {
  const ids = new Set(run.map(({ header }) => header.id));
  const stored = store.read(recordedSegment(ledger, segment), ({ id }) => ids.has(id));
  const source = stored[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  const take = async (size: number): Promise<Buffer> => {
    const parts: Buffer[] = [];
    let missing = size;
    while (missing > 0) {
      if (rest.length === 0) {
        const { done, value } = await source.next();
        if (done === true)
          throw new LogdError('corrupt', `The stored bytes of ${segmentName(segment)} end too early.`, {
            retryable: true,
          });
        // The store may use the memory again for what it reads next.
        rest = Buffer.from(value);
      }
      parts.push(rest.subarray(0, missing));
      missing -= Math.min(missing, rest.length);
      rest = rest.subarray(parts.at(-1)!.length);
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  };
  try {
    for (const { header } of run) {
      const bytes = header.lost === undefined ? await take(header.bytes) : Buffer.alloc(0);
      const { host, stream, hour } = segment;
      const lines = linesOf(header.lost === undefined ? header.lines : 0, bytes.at(-1));
      yield { unit: 'pack', key: { host, stream, hour }, header, bytes, lines };
    }
  } finally {
    await source.return?.();
  }
}
