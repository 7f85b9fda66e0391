/**
 * The rules of the ledger as pure functions, the same for every database that keeps one.
 *
 * Packs of a segment that are recorded always satisfy, for each two neighbours a < b by id:
 * - generation(a) ≤ generation(b), and generation(a) < generation(b) where a is the last of its generation (`done`);
 * - a ends at or before b's offset, and exactly there when b.id = a.id + 1 and a is not lost;
 * - a `done` says as many packs as its own id.
 * So a generation has at most one end, nothing lies behind it, and no two packs claim the same bytes. Looking at the two
 * neighbours of a new pack keeps this for the whole segment.
 */
import type { Done, PackHeader } from '../pack/pack.ts';
import type { PackEntry, SegmentRecord, SegmentState } from './ledger.ts';

/** What of a recorded pack its neighbours must agree with. */
export type Neighbour = Pick<PackHeader, 'id' | 'generation' | 'offset' | 'bytes' | 'done' | 'lost'>;

const agree = (before: Neighbour, after: Neighbour): boolean => {
  if (before.generation > after.generation) return false;
  if (before.done !== undefined && before.generation === after.generation) return false;
  const end = before.offset + before.bytes;
  return before.id + 1 === after.id && before.lost === undefined ? end === after.offset : end <= after.offset;
};

/** Where every segment begins: the neighbour below pack 1. */
const START: Neighbour = { id: 0, generation: 0, offset: 0, bytes: 0 };

/** True unless the new pack contradicts what is recorded. `before` and `after`: the nearest recorded packs by id. */
export const fits = (
  header: PackHeader,
  before: Neighbour | undefined,
  after: Neighbour | undefined,
): boolean =>
  (header.done === undefined || header.done.packs === header.id) &&
  agree(before ?? START, header) &&
  (after === undefined || agree(header, after));

/**
 * True when both say the same about the same bytes. How they are compressed and when they were read may differ. An end of the
 * segment that comes under a known name with another meaning is no repeat: taken for one, it would be dropped in silence.
 */
export const isRepeat = (known: PackHeader, come: PackHeader): boolean =>
  known.generation === come.generation &&
  known.offset === come.offset &&
  known.bytes === come.bytes &&
  known.lines === come.lines &&
  known.checksum === come.checksum &&
  known.sha256 === come.sha256 &&
  (known.lost === undefined) === (come.lost === undefined) &&
  sameEnd(known.done, come.done);

const sameEnd = (known: Done | undefined, come: Done | undefined): boolean =>
  known?.packs === come?.packs &&
  known?.lines === come?.lines &&
  known?.bytes === come?.bytes &&
  known?.sha256 === come?.sha256 &&
  known?.hoursInDay === come?.hoursInDay;

type Sums = Omit<SegmentRecord, 'state' | 'reason'>;

/**
 * The segment with a new pack added that {@link fits}. Whatever it was before, its state is what its packs now say.
 * `generationOf` tells the generation of a recorded pack, for a segment that was reopened before its first late pack.
 */
export const addPack = (
  segment: SegmentRecord | undefined,
  entry: PackEntry,
  generationOf: (id: number) => number,
): SegmentRecord => {
  const { header, place, arrivedAt } = entry;
  const { host, stream, hour, lost } = header;
  const expected = newerEnd(segment?.expected, header.done);
  const hasLines = lost === undefined && header.bytes > 0;
  const linesArrived = hasLines
    ? Math.max(segment?.linesArrived ?? arrivedAt, arrivedAt)
    : segment?.linesArrived;
  const sums: Sums = {
    host,
    stream,
    hour,
    generation: Math.max(segment?.generation ?? 1, header.generation),
    packs: (segment?.packs ?? 0) + 1,
    lines: (segment?.lines ?? 0) + (lost === undefined ? header.lines : 0),
    bytes: (segment?.bytes ?? 0) + (lost === undefined ? header.bytes : 0),
    lostPacks: (segment?.lostPacks ?? 0) + (lost === undefined ? 0 : 1),
    // Nobody has to keep to anything when saying what is lost: a sum beyond what a number holds could not be read again.
    lostBytes: Math.min(Number.MAX_SAFE_INTEGER, (segment?.lostBytes ?? 0) + (lost?.bytes ?? 0)),
    highestId: Math.max(segment?.highestId ?? 0, header.id),
    storedEnd: Math.max(segment?.storedEnd ?? 0, place.at + place.length),
    ...(expected === undefined ? {} : { expected }),
    firstArrival: Math.min(segment?.firstArrival ?? arrivedAt, arrivedAt),
    lastArrival: Math.max(segment?.lastArrival ?? arrivedAt, arrivedAt),
    ...(linesArrived !== undefined && { linesArrived }),
    lastLine: Math.max(segment?.lastLine ?? header.time, header.time),
  };
  const whole =
    isWhole(sums) &&
    (sums.packs === header.id ? header.generation : generationOf(sums.packs)) === sums.generation;
  const state: SegmentState = whole ? (sums.lostPacks === 0 ? 'complete' : 'incomplete') : 'open';
  return state === 'incomplete' ? { ...sums, state, reason: lossOf(sums) } : { ...sums, state };
};

/** Ids grow with generations, so the end with the higher id is the one of the higher generation. */
const newerEnd = (known: Done | undefined, come: Done | undefined): Done | undefined =>
  known !== undefined && come !== undefined && come.packs < known.packs ? known : (come ?? known);

/** Ids are distinct, so packs 1..N are all here when there are N of them and none is above N. */
const isWhole = (sums: Sums): boolean => sums.expected?.packs === sums.packs && sums.highestId === sums.packs;

const lossOf = (sums: Sums): string =>
  `${sums.lostPacks} of ${sums.packs} packs with ${sums.lostBytes} bytes are lost at the agent.`;

/** The segment when a generation above its own is announced: open, until all packs of that one are here. */
export const reopened = ({ reason: _, ...segment }: SegmentRecord, generation: number): SegmentRecord => ({
  ...segment,
  state: 'open',
  generation,
});

/** The day that a segment counts towards, and how many segments make it complete; undefined where it counts towards none. */
export interface DayShare {
  readonly day: string;
  /** True for a segment of a whole day: such days are counted apart from days of hours. */
  readonly daily: boolean;
  readonly hours: number;
}

/** `hour` is the segment's label: `2026112216` counts towards `20261122`, and a label of 8 digits is its own day. */
export const dayShare = (hour: string, done: Done): DayShare | undefined => {
  if (done.hoursInDay === 0) return undefined;
  const daily = hour.length === 8;
  return { day: hour.slice(0, 8), daily, hours: daily ? 1 : done.hoursInDay };
};
