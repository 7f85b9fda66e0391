/**
 * The audit of a segment's source files: what is at hand of them, held against the seal.
 *
 * `identical` is said only where every byte of the segment was read at the source and has the seal's SHA-256. Where files of the hour are gone, those
 * at hand are compared with what is stored, which must then be the seal's: `partly gone` says that each of their bytes is in its place there.
 */
import { stat } from 'node:fs/promises';
import { bytesOfPath } from '../disk/path-bytes.ts';
import { errnoOf, messageOf } from '../error.ts';
import type { Ledger, SegmentRecord } from '../ledger/ledger.ts';
import { type PackHeader, segmentName } from '../pack/pack.ts';
import { recordedSegment } from '../ledger/recorded.ts';
import type { Store } from '../stores/store.ts';
import { sizeWithoutReserved } from '../tail/reserved-room.ts';
import { withoutSecondNames } from '../tail/second-names.ts';
import { openSource } from '../tail/source.ts';
import { formatCount } from '../text/terminal.ts';
import { lengthOf, type Piece, readEnds, readPieces, wholeFiles } from './pieces.ts';
import { placeFiles } from './place.ts';
import type { Shipped, ShippedSegment } from './shipped.ts';
import { type AgentSource, sourceOf, type Sources } from './sources.ts';
import { type StoredTotals, readStored } from './stored.ts';
import { compare, type Verdict } from './verdict.ts';

export interface SourceScope {
  readonly ledger: Pick<Ledger, 'packs'>;
  readonly sink: Pick<Store, 'read'>;
  readonly sources: Sources;
  readonly shipped: Pick<Shipped, 'as' | 'mayBeginWithin'>;
  /** Told of bytes as they are read, on either side. */
  readonly onBytes: (bytes: number) => void;
}

export interface SourceAudit {
  readonly source: Verdict;
  /** Bytes of the source files before the segment begins: above 0 where the agent began in the middle of them. */
  readonly sourceFrom: number;
  /** Where the segment's bytes are at hand. */
  readonly pieces: readonly Piece[];
  /** What is wrong, or could not be looked at. */
  readonly notes: readonly string[];
  /** What is known, where nothing is wrong. */
  readonly remarks: readonly string[];
}

const verdict = (source: Verdict, more: Partial<SourceAudit> = {}): SourceAudit => ({
  ...{ source, sourceFrom: 0, pieces: [], notes: [], remarks: [] },
  ...more,
});

/** One segment whose source is looked at. */
interface Question {
  readonly scope: SourceScope;
  readonly segment: SegmentRecord;
  /** The seal, or without one what the agent told of the segment's end. */
  readonly expected: StoredTotals;
  /** What was found of the stored bytes. */
  readonly stored: Verdict;
  readonly source: AgentSource;
  /** The files that are at hand. */
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

export const auditSource = async (
  scope: SourceScope,
  segment: SegmentRecord,
  expected: StoredTotals | undefined,
  stored: Verdict,
): Promise<SourceAudit> => {
  const source = sourceOf(scope.sources, segment);
  if (!source) return verdict('not at hand');
  if (source.shared) {
    const why = `${source.paths.join(', ')} holds both of the repeated hours, so it was not compared.`;
    return verdict('not at hand', { notes: [`${segmentName(segment)}: ${why}`] });
  }
  if (!expected) return verdict('unknown');
  try {
    const files = await filesAtHand(source.paths, expected.bytes);
    if (files.length === 0) return verdict('not at hand');
    return await answer({ scope, segment, expected, stored, source, files });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return verdict('not at hand');
    const why = `the source cannot be read: ${messageOf(error)}.`;
    return verdict('unknown', { notes: [`${segmentName(segment)}: ${why}`] });
  }
};

/** Each file once, whatever names it has; of one that ends in room which its writer has reserved, what is before that room. */
const filesAtHand = async (paths: readonly string[], most: number): Promise<Question['files']> => {
  const files: { path: string; size: number; dev: string; ino: string }[] = [];
  for (const path of paths) {
    const stats = await stat(bytesOfPath(path)).catch((error: unknown) => {
      if (errnoOf(error) !== 'ENOENT') throw error;
    });
    if (stats === undefined) continue;
    const { size, dev, ino } = stats;
    const used = size > most ? await usedSize(path, size) : size;
    files.push({ path, size: used, dev: String(dev), ino: String(ino) });
  }
  return withoutSecondNames(files);
};

const usedSize = async (path: string, size: number): Promise<number> => {
  await using file = await openSource(path);
  return await sizeWithoutReserved(file, size);
};

const answer = async (question: Question): Promise<SourceAudit> => {
  const { scope, segment, expected, source, files } = question;
  const pieces = wholeFiles(files);
  const bytes = lengthOf(pieces);
  if (bytes === expected.bytes) {
    const found = await readPieces(pieces, scope.onBytes);
    if (found.sha256 === expected.sha256) return verdict('identical', { pieces });
  }
  const shipped = await scope.shipped.as(segment, source);
  if (shipped && knowsOf(shipped, question)) return byMarks(question, shipped);
  if (bytes > expected.bytes && (await scope.shipped.mayBeginWithin(segment, source)))
    return fromWithin(question, pieces);
  return bytes < expected.bytes && source.mayBeSeveral ? byPlace(question) : differs(question);
};

/** Marks that tell of other files, or of more or fewer bytes than the seal, say nothing about these. */
const knowsOf = ({ files, pieces }: ShippedSegment, question: Question): boolean =>
  lengthOf(pieces) === question.expected.bytes &&
  question.files.every(({ path, size }) => size === 0 || files.some((file) => file.path === path));

/** The marks know which bytes of which file the agent shipped. */
const byMarks = async (question: Question, shipped: ShippedSegment): Promise<SourceAudit> => {
  const { scope, segment, expected } = question;
  const sizes = new Map(question.files.map(({ path, size }) => [path, size]));
  const known = shipped.files.filter(({ path }) => sizes.has(path));
  const pieces = shipped.pieces.filter(({ path }) => sizes.has(path));
  const isWhole = lengthOf(pieces) === expected.bytes;
  const other = known.find(({ path, ended }) => sizes.get(path) !== ended);
  if (other && isWhole) return differs(question);
  if (other) {
    const [size, ended] = [formatCount(sizes.get(other.path)!), formatCount(other.ended)];
    const why = `${other.path} has ${size} bytes where its agent has read ${ended}`;
    return verdict('differs', { notes: [`${segmentName(segment)} at the source: ${why}`] });
  }
  if (!isWhole) return partly(question, pieces);
  const found = await readPieces(pieces, scope.onBytes);
  if (compare(found, expected, segment.state).length > 0) return differs(question);
  const within = known.filter(({ began }) => began > 0);
  const sourceFrom = within.reduce((sum, { began }) => sum + began, 0);
  if (sourceFrom === 0 || question.files.length === 1) return verdict('identical', { pieces, sourceFrom });
  const places = within.map(({ path, began }) => `byte ${formatCount(began)} of ${path}`);
  const remark = `${segmentName(segment)}: the agent began at ${places.join(' and ')}.`;
  return verdict('identical', { pieces, sourceFrom, remarks: [remark] });
};

/** The files may begin with bytes that were there before the agent. One that begins as it should may have grown since. */
const fromWithin = async (question: Question, whole: readonly Piece[]): Promise<SourceAudit> => {
  const { scope, expected } = question;
  const sourceFrom = lengthOf(whole) - expected.bytes;
  const { headSha256, tail } = await readEnds(whole, expected.bytes, sourceFrom, scope.onBytes);
  const isTail = tail.bytes === expected.bytes && tail.sha256 === expected.sha256;
  if (!isTail || headSha256 === expected.sha256) return differs(question);
  return verdict('identical', { sourceFrom, pieces: behind(whole, sourceFrom) });
};

/** What is left of the pieces behind their first bytes. */
const behind = (pieces: readonly Piece[], bytes: number): Piece[] =>
  pieces.flatMap(({ path, start, end, at }) => {
    const passed = Math.max(0, Math.min(end - start, bytes - at));
    return start + passed < end ? [{ path, start: start + passed, end, at: at + passed - bytes }] : [];
  });

/** Nobody knows which files there were: each that is at hand must be found in the segment, as a whole. */
const byPlace = async (question: Question): Promise<SourceAudit> => {
  const { scope, segment, source } = question;
  const files = question.files.filter(({ size }) => size > 0);
  const pieces = await placeFiles(scope.ledger, segment, files);
  if (pieces !== undefined) return partly(question, pieces);
  if (!(await scope.shipped.mayBeginWithin(segment, source))) return differs(question);
  const why =
    "files of it may be gone, and only its agent's marks know where in a file it began: not compared";
  return verdict('unknown', { notes: [`${segmentName(segment)} at the source: ${why}.`] });
};

/** Some files of the segment are gone: what is at hand can be held against the stored bytes, where these are the seal's. */
const partly = async (question: Question, pieces: readonly Piece[]): Promise<SourceAudit> => {
  const { segment, expected, stored } = question;
  const name = segmentName(segment);
  if (lengthOf(pieces) === 0) return verdict('not at hand');
  const atHand = pieces.map(({ path }) => path);
  const files = [...new Set(atHand)].join(', ');
  if (segment.state !== 'sealed' || stored !== 'identical') {
    const why = `only ${files} is at hand, and there is no sealed and stored hour to compare it with.`;
    return verdict('unknown', { pieces, notes: [`${name} at the source: ${why}`] });
  }
  for (const piece of pieces)
    if (!(await isAsStored(question.scope, segment, piece))) {
      const [from, to] = [piece.at, piece.at + piece.end - piece.start - 1];
      const why = `${piece.path} is not as bytes ${from}–${to} of the segment are stored`;
      return verdict('differs', { pieces, notes: [`${name} at the source: ${why}`] });
    }
  const share = `${formatCount(lengthOf(pieces))} of ${formatCount(expected.bytes)} bytes`;
  const remark = `${name} at the source: ${share} are at hand and identical (in ${files}); the other files are gone.`;
  return verdict('partly gone', { pieces, remarks: [remark] });
};

/** Whether a file holds what is stored of the packs that were cut from this piece of it. */
const isAsStored = async (
  { ledger, sink, onBytes }: SourceScope,
  segment: SegmentRecord,
  piece: Piece,
): Promise<boolean> => {
  const end = piece.at + piece.end - piece.start;
  const recorded = recordedSegment(ledger, segment);
  const isWanted = ({ offset, bytes }: PackHeader): boolean =>
    bytes > 0 && offset >= piece.at && offset + bytes <= end;
  const packs = async function* () {
    for await (const pack of recorded.packs()) if (isWanted(pack.header)) yield pack;
  };
  // Read with all packs at hand: where a pack lies in a file that was put in order follows from those before it.
  const part = { read: () => sink.read(recorded, isWanted) };
  const stored = await readStored(part, { segment, packs }, onBytes);
  const found = await readPieces([piece], onBytes);
  return stored.differences.length === 0 && stored.bytes === found.bytes && stored.sha256 === found.sha256;
};

const differs = async ({ scope, segment, expected, files }: Question): Promise<SourceAudit> => {
  const pieces = wholeFiles(files);
  const faults = compare(await readPieces(pieces, scope.onBytes), expected, segment.state);
  const paths = files.map(({ path }) => path).join(', ');
  // Behind a loss an agent's digest stands for nothing, and equal counts prove nothing.
  if (faults.length === 0) return verdict('unknown', { pieces });
  return verdict('differs', {
    pieces,
    notes: [`${segmentName(segment)} at the source: ${faults.join(', ')} (in ${paths})`],
  });
};
