/**
 * A ledger that is trivially right: it keeps what it accepted in a list and works everything out anew, by looking at all of it.
 */
import type { Gap, PackEntry, Seal, SegmentRecord, SegmentState } from '../../src/ledger/ledger.ts';
import type { PackHeader, SegmentKey } from '../../src/pack/pack.ts';

type Outcome = 'recorded' | 'repeat' | 'conflict';

/** Every rule of a segment, said of each two of its packs: a comes before b. */
const mayStandBefore = (a: PackHeader, b: PackHeader): boolean =>
  a.id < b.id &&
  a.generation <= b.generation &&
  !(a.done !== undefined && a.generation === b.generation) &&
  a.offset + a.bytes <= b.offset &&
  (a.id + 1 < b.id || a.lost !== undefined || a.offset + a.bytes === b.offset);

const isWellFormed = (headers: readonly PackHeader[]): boolean =>
  headers.every((b, index) => headers.slice(0, index).every((a) => mayStandBefore(a, b))) &&
  headers.every(
    ({ id, offset, done }) => (id > 1 || offset === 0) && (done === undefined || done.packs === id),
  );

const namesTheSame = (a: PackHeader, b: PackHeader): boolean =>
  JSON.stringify([a.offset, a.bytes, a.lines, a.checksum, a.sha256, a.generation, a.done, !a.lost]) ===
  JSON.stringify([b.offset, b.bytes, b.lines, b.checksum, b.sha256, b.generation, b.done, !b.lost]);

export class SegmentModel {
  readonly key: SegmentKey;
  entries: PackEntry[] = [];
  seals: Seal[] = [];
  /** Said of the segment since its last new pack. */
  verdict: { state: SegmentState; reason?: string } | undefined;
  announced = 1;

  constructor(key: SegmentKey) {
    this.key = key;
  }

  put(entry: PackEntry): Outcome {
    const known = this.entries.find(({ header }) => header.id === entry.header.id);
    if (known !== undefined) return namesTheSame(known.header, entry.header) ? 'repeat' : 'conflict';
    const entries = [...this.entries, entry].sort((a, b) => a.header.id - b.header.id);
    if (!isWellFormed(entries.map(({ header }) => header))) return 'conflict';
    this.entries = entries;
    this.verdict = undefined;
    return 'recorded';
  }

  record(): SegmentRecord | undefined {
    if (this.entries.length === 0) return undefined;
    const headers = this.entries.map(({ header }) => header);
    const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
    const there = headers.filter(({ lost }) => lost === undefined);
    const ends = headers.flatMap(({ done, generation }) =>
      done === undefined ? [] : [{ done, generation }],
    );
    const newest = ends.at(-1);
    const generation = Math.max(this.announced, ...headers.map((header) => header.generation));
    const isWhole =
      newest?.generation === generation &&
      headers.every(({ id }, index) => id === index + 1 && id <= newest.done.packs) &&
      headers.length === newest.done.packs;
    const lostPacks = headers.length - there.length;
    const lostBytes = sum(headers.map(({ lost }) => lost?.bytes ?? 0));
    const own: NonNullable<SegmentModel['verdict']> = !isWhole
      ? { state: 'open' }
      : lostPacks === 0
        ? { state: 'complete' }
        : {
            state: 'incomplete',
            reason: `${lostPacks} of ${headers.length} packs with ${lostBytes} bytes are lost at the agent.`,
          };
    const withBytes = this.entries.filter(({ header }) => header.lost === undefined && header.bytes > 0);
    return {
      ...this.key,
      generation,
      packs: headers.length,
      lines: sum(there.map(({ lines }) => lines)),
      bytes: sum(there.map(({ bytes }) => bytes)),
      lostPacks,
      lostBytes,
      highestId: Math.max(...headers.map(({ id }) => id)),
      storedEnd: Math.max(...this.entries.map(({ place }) => place.at + place.length)),
      ...(newest === undefined ? {} : { expected: newest.done }),
      firstArrival: Math.min(...this.entries.map(({ arrivedAt }) => arrivedAt)),
      lastArrival: Math.max(...this.entries.map(({ arrivedAt }) => arrivedAt)),
      ...(withBytes.length > 0 && {
        linesArrived: Math.max(...withBytes.map(({ arrivedAt }) => arrivedAt)),
      }),
      lastLine: Math.max(...headers.map(({ time }) => time)),
      ...(this.verdict ?? own),
    };
  }

  gaps(): Gap[] {
    const record = this.record();
    const gaps: Gap[] = [];
    let missingFrom: number | undefined;
    const last = Math.max(record?.highestId ?? 0, record?.expected?.packs ?? 0);
    for (let id = 1; id <= last + 1; id++) {
      const header = this.entries.find((entry) => entry.header.id === id)?.header;
      const isMissing = header === undefined && id <= last;
      if (isMissing) missingFrom ??= id;
      else if (missingFrom !== undefined) {
        gaps.push({ from: missingFrom, to: id - 1, reason: 'missing' });
        missingFrom = undefined;
      }
      if (header?.lost !== undefined)
        gaps.push({ from: id, to: id, reason: header.lost.reason, bytes: header.lost.bytes });
    }
    return gaps;
  }
}
