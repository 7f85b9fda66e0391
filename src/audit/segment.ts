/** The audit of one segment: what is stored, and what the source holds, each held against the seal. */
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { errnoOf, messageOf } from '../error.ts';
import type { Ledger, RecordedSegment, Seal, SegmentRecord } from '../ledger/ledger.ts';
import type { Repulls } from '../ledger/repull.ts';
import { recordedSegment } from '../ledger/recorded.ts';
import { segmentName } from '../pack/pack.ts';
import { checksumOf } from '../pack/survey.ts';
import { readSign, SIGN_BYTES } from '../stores/file/order.ts';
import type { Store } from '../stores/store.ts';
import { formatCount } from '../text/terminal.ts';
import { type Piece, readRange } from './pieces.ts';
import { auditSource, type SourceAudit, type SourceScope } from './source-audit.ts';
import { sourceOf } from './sources.ts';
import { describeDifference, type Difference, readStored } from './stored.ts';
import { compare, type Verdict } from './verdict.ts';

/** Both sides of a pack are held in memory to find the byte. */
const LARGEST_PACK_COMPARED = 64 * 1024 * 1024;

export interface SegmentAudit {
  readonly segment: SegmentRecord;
  /** The seal of the newest generation; undefined unless the segment is sealed now. */
  readonly seal: Seal | undefined;
  /** Where the sink keeps it. */
  readonly file: string;
  readonly stored: Verdict;
  readonly source: Verdict;
  /** See {@link SourceAudit.sourceFrom}. */
  readonly sourceFrom: number;
  /** Where its bytes are at hand at the source. */
  readonly sourcePieces: readonly Piece[];
  readonly differences: readonly Difference[];
  /** One sentence for each thing that is wrong or could not be looked at. */
  readonly notes: readonly string[];
  /** One sentence for each thing that is known besides, where nothing is wrong. */
  readonly remarks: readonly string[];
  /** Still open, as every hour is for a while: neither proven nor a fault, unless open hours were asked for. */
  readonly isNeutral: boolean;
}

/** What an audit looks at. */
export interface AuditScope extends SourceScope {
  readonly ledger: Pick<Ledger, 'segment' | 'seals' | 'packs'> & Partial<Pick<Repulls, 'repull'>>;
  readonly sink: Pick<Store, 'read' | 'locate'>;
  /** True when `locate` names a file that holds the segment's packs and nothing else. */
  readonly storesFiles: boolean;
  /** Whether an open hour is a fault. */
  readonly openCounts?: boolean;
}

/** True when the segment is sealed, stored as sealed, and its source says the same, as far as it is at hand. */
export const isProven = ({ seal, stored, source }: SegmentAudit): boolean =>
  seal !== undefined &&
  (stored === 'identical' || stored === 'removed (retention)') &&
  (source === 'identical' || source === 'partly gone' || source === 'not at hand');

/**
 * Audits a segment. A sink may be running: when the segment changes while it is read, it is read again.
 * Rejects only when the ledger cannot be read.
 */
export const auditSegment = async (scope: AuditScope, segment: SegmentRecord): Promise<SegmentAudit> => {
  const audit = await auditOnce(scope, segment);
  if (isProven(audit) || audit.isNeutral) return audit;
  const now = await scope.ledger.segment(segment);
  return now && hasChanged(segment, now) ? auditOnce(scope, now) : audit;
};

const hasChanged = (before: SegmentRecord, now: SegmentRecord): boolean =>
  before.state !== now.state || before.generation !== now.generation || before.packs !== now.packs;

const auditOnce = async (scope: AuditScope, segment: SegmentRecord): Promise<SegmentAudit> => {
  const { ledger, sink } = scope;
  const file = sink.locate(segment);
  const notes: string[] = [];
  const seals = segment.state === 'sealed' ? await ledger.seals(segment) : [];
  const seal = seals.find(({ generation }) => generation === segment.generation);
  const isNeutral = segment.state === 'open' && scope.openCounts !== true;
  if (!seal && !isNeutral)
    notes.push(`${segmentName(segment)} is not sealed: ${segment.reason ?? `it is ${segment.state}.`}`);

  if (segment.source === 'changed')
    notes.push(
      `${segmentName(segment)} was changed on its host after it was sent: ${segment.sourcePlace ?? ''}`,
    );

  if (segment.state === 'open') {
    const source = sourceOf(scope.sources, segment) ? 'not read' : 'not at hand';
    const remarks =
      isNeutral && segment.reason !== undefined ? [`${segmentName(segment)} waits: ${segment.reason}`] : [];
    const nothing = { sourceFrom: 0, sourcePieces: [], differences: [], remarks };
    return { segment, seal, file, stored: 'not read', source, ...nothing, notes, isNeutral };
  }
  const expected = seal ?? segment.expected;
  if (segment.removed !== undefined) return auditRemoved(scope, segment, seal, file);
  const recorded = recordedSegment(ledger, segment);
  const contents = await readStored(sink, recorded, scope.onBytes);
  const { differences } = contents;
  const faults = expected && differences.length === 0 ? compare(contents, expected, segment.state) : [];
  if (faults.length === 0 && differences.length === 0 && seal && scope.storesFiles && !segment.archived)
    faults.push(...(await formFaults(file, recorded, contents.storedBytes)));
  const isOther = differences.length > 0 || faults.length > 0;
  const isGone = isOther && scope.storesFiles && !existsSync(file);
  const stored: Verdict = isGone ? 'missing' : isOther ? 'differs' : expected ? 'identical' : 'unknown';
  const atSource = await auditSource(scope, segment, expected, stored);
  notes.push(...atSource.notes);
  for (const difference of differences)
    notes.push(
      describeDifference(segment, difference, file) +
        (await firstDifference(scope, segment, difference, atSource)),
    );
  if (faults.length > 0) notes.push(`${segmentName(segment)} as stored: ${faults.join(', ')} (in ${file})`);
  if (isOther) notes.push(await offerOf(scope, segment, isGone));
  const { source, sourceFrom, pieces: sourcePieces, remarks } = atSource;
  const found = { stored, source, sourceFrom, sourcePieces, differences };
  return { segment, seal, file, ...found, notes, remarks, isNeutral };
};

/** What was stored is gone, as it should be: what is left to compare is the source with the seal. */
const auditRemoved = async (
  scope: AuditScope,
  segment: SegmentRecord,
  seal: Seal | undefined,
  file: string,
): Promise<SegmentAudit> => {
  const stored: Verdict = 'removed (retention)';
  const { source, sourceFrom, pieces, notes, remarks } = await auditSource(scope, segment, seal, stored);
  const found = { stored, source, sourceFrom, sourcePieces: pieces, differences: [] };
  return { segment, seal, file, ...found, notes, remarks, isNeutral: false };
};

/** What to do about stored bytes that are others, and what came of it. */
const offerOf = async (
  { ledger }: AuditScope,
  { host, stream, hour }: SegmentRecord,
  isGone: boolean,
): Promise<string> => {
  const asked = await ledger.repull?.({ host, stream, hour });
  const before =
    asked === undefined ? '' : ` Asked for before: ${asked.state}, ${asked.note ?? 'not looked at yet'}`;
  const name = `${host} ${stream} ${hour}`;
  const copy = `\`logd repair ${name} --from FILE\` restores it from a file with its content`;
  return `\`logd repull ${name}\` has its agent send what is ${isGone ? 'gone' : 'damaged'} again; ${copy}.${before}`;
};

/**
 * Beside the packs, which are checked one by one: a sealed file holds them and, where it was put in order or has none, the sign of 32 bytes
 * before them; nothing else.
 */
const formFaults = async (file: string, recorded: RecordedSegment, packBytes: number): Promise<string[]> => {
  try {
    await using handle = await open(file);
    const { size } = await handle.stat();
    const mayHaveSign = file.endsWith('.zst') && (packBytes === 0 || size === packBytes + SIGN_BYTES);
    const expected = packBytes + (mayHaveSign ? SIGN_BYTES : 0);
    if (size !== expected)
      return [`a file of ${formatCount(size)} bytes where there should be ${formatCount(expected)}`];
    if (!mayHaveSign || (await readSign(handle, recorded)) !== undefined) return [];
    return [`changed bytes before its first pack, within the first ${SIGN_BYTES}`];
  } catch (error) {
    return [errnoOf(error) === 'ENOENT' ? 'no file' : `a file that cannot be read: ${messageOf(error)}`];
  }
};

/** Where a stored pack first differs from the source: `; the first at byte 1234 is 0x41, at the source 0x40`. Empty if unknown. */
const firstDifference = async (
  { ledger, sink }: AuditScope,
  segment: SegmentRecord,
  { pack: id, from, to }: Difference,
  { pieces }: SourceAudit,
): Promise<string> => {
  if (pieces.length === 0 || id === undefined || to - from > LARGEST_PACK_COMPARED) return '';
  try {
    const [pack] = await ledger.packs(segment, id - 1, 1);
    const right = await readRange(pieces, from, to);
    if (pack?.header.id !== id || checksumOf(right) !== pack.header.checksum) return '';
    const single = {
      segment,
      packs: async function* () {
        yield pack;
      },
    };
    const parts: Buffer[] = [];
    for await (const part of sink.read(single)) parts.push(Buffer.from(part));
    const found = Buffer.concat(parts);
    const at = right.findIndex((byte, index) => byte !== found[index]);
    if (at === -1 || at >= found.length) return '';
    return `; the first is byte ${from + at}: ${showByte(found[at]!)}, at the source ${showByte(right[at]!)}`;
  } catch {
    return ''; // the difference itself is reported already
  }
};

const showByte = (byte: number): string => `0x${byte.toString(16).padStart(2, '0')}`;
