/** The audit of one segment: what is stored, and what the source holds, each held against the seal. */
import { open, stat } from 'node:fs/promises';
import { errnoOf, messageOf } from '../../error.ts';
import type { Ledger, Seal, SegmentRecord } from '../../ledger/ledger.ts';
import { segmentName } from '../../pack/pack.ts';
import { checksumOf } from '../../pack/survey.ts';
import { recordedSegment } from '../../seal/proof.ts';
import { readSign, SIGN_BYTES } from '../../sinks/file/order.ts';
import type { RecordedSegment, Sink } from '../../sinks/sink.ts';
import { formatCount } from '../terminal.ts';
import type { Beginnings } from './beginning.ts';
import {
  readSource,
  readSourceEnds,
  readSourceRange,
  type SourceFiles,
  sourceOf,
  type Sources,
} from './sources.ts';
import { type Contents, describeDifference, type Difference, readStored } from './stored.ts';

/** Both sides of a pack are held in memory to find the byte. */
const LARGEST_PACK_COMPARED = 64 * 1024 * 1024;

/** `not read`: the segment is still open. `not at hand`: no source file was found. `unknown`: it cannot be read or compared. */
export type Verdict = 'identical' | 'differs' | 'not read' | 'not at hand' | 'unknown';

export interface SegmentAudit {
  readonly segment: SegmentRecord;
  /** The seal of the newest generation; undefined unless the segment is sealed now. */
  readonly seal: Seal | undefined;
  /** Where the sink keeps it. */
  readonly file: string;
  readonly stored: Verdict;
  readonly source: Verdict;
  /** Byte of the source file that the segment begins with: above 0 where the agent began in the middle of it. */
  readonly sourceFrom: number;
  readonly differences: readonly Difference[];
  /** One sentence for each thing that is wrong or could not be looked at. */
  readonly notes: readonly string[];
}

/** What an audit looks at. */
export interface AuditScope {
  readonly ledger: Pick<Ledger, 'segment' | 'seals' | 'packs'>;
  readonly sink: Pick<Sink, 'read' | 'locate'>;
  /** True when `locate` names a file that holds the segment's packs and nothing else. */
  readonly storesFiles: boolean;
  readonly sources: Sources;
  readonly beginnings: Pick<Beginnings, 'isAt'>;
  /** Told of bytes as they are read, on either side. */
  readonly onBytes: (bytes: number) => void;
}

/** True when the segment is sealed, stored as sealed, and its source, where it is at hand, says the same. */
export const isProven = ({ seal, stored, source }: SegmentAudit): boolean =>
  seal !== undefined && stored === 'identical' && (source === 'identical' || source === 'not at hand');

/**
 * Audits a segment. A sink may be running: when the segment changes while it is read, it is read again.
 * Rejects only when the ledger cannot be read.
 */
export const auditSegment = async (scope: AuditScope, segment: SegmentRecord): Promise<SegmentAudit> => {
  const audit = await auditOnce(scope, segment);
  if (isProven(audit)) return audit;
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
  if (!seal)
    notes.push(`${segmentName(segment)} is not sealed: ${segment.reason ?? `it is ${segment.state}.`}`);

  if (segment.state === 'open') {
    const source = sourceOf(scope.sources, segment) ? 'not read' : 'not at hand';
    return { segment, seal, file, stored: 'not read', source, sourceFrom: 0, differences: [], notes };
  }
  const expected = seal ?? segment.expected;
  const { source, sourceFrom = 0 } = await auditSource(scope, segment, expected, notes);
  const recorded = recordedSegment(ledger, segment);
  const contents = await readStored(sink, recorded, scope.onBytes);
  const { differences } = contents;
  for (const difference of differences)
    notes.push(
      describeDifference(segment, difference, file) +
        (await firstDifference(scope, segment, difference, sourceFrom)),
    );
  const faults = expected && differences.length === 0 ? compare(contents, expected, segment.state) : [];
  if (faults.length === 0 && differences.length === 0 && seal && scope.storesFiles)
    faults.push(...(await formFaults(file, recorded, contents.storedBytes)));
  if (faults.length > 0) notes.push(`${segmentName(segment)} as stored: ${faults.join(', ')} (in ${file})`);
  const differs = differences.length > 0 || faults.length > 0;
  return {
    ...{ segment, seal, file, source, sourceFrom, differences, notes },
    stored: differs ? 'differs' : expected ? 'identical' : 'unknown',
  };
};

type SourceAudit = Pick<SegmentAudit, 'source'> & Partial<Pick<SegmentAudit, 'sourceFrom'>>;

const auditSource = async (
  scope: AuditScope,
  segment: SegmentRecord,
  expected: Contents | undefined,
  notes: string[],
): Promise<SourceAudit> => {
  const source = sourceOf(scope.sources, segment);
  if (!source) return { source: 'not at hand' };
  const files = source.paths.join(', ');
  if (source.shared) {
    notes.push(`${segmentName(segment)}: ${files} holds both of the repeated hours, so it was not compared.`);
    return { source: 'not at hand' };
  }
  if (!expected) return { source: 'unknown' };
  try {
    const { found, from } = await readFrom(scope, segment, source, expected);
    if (from > 0) return { source: 'identical', sourceFrom: from };
    const faults = compare(found, expected, segment.state);
    if (faults.length > 0)
      notes.push(`${segmentName(segment)} at the source: ${faults.join(', ')} (in ${files})`);
    return { source: faults.length > 0 ? 'differs' : 'identical' };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { source: 'not at hand' };
    notes.push(`${segmentName(segment)}: the source cannot be read: ${messageOf(error)}.`);
    return { source: 'unknown' };
  }
};

/**
 * Reads the source of a segment, once. `from` is above 0 when the agent began the segment at that byte of its file, and the rest of the file
 * is what is expected. A file whose beginning is what is expected may have grown since; it passes only where the byte is known.
 */
const readFrom = async (
  { beginnings, onBytes }: AuditScope,
  segment: SegmentRecord,
  source: SourceFiles,
  expected: Contents,
): Promise<{ readonly found: Contents; readonly from: number }> => {
  const [path, ...others] = source.paths;
  const from = path === undefined || others.length > 0 ? 0 : (await stat(path)).size - expected.bytes;
  const begins = from > 0 ? await beginnings.isAt(segment, source, from) : 'no';
  if (path === undefined || begins === 'no')
    return { found: await readSource(source.paths, onBytes), from: 0 };
  const { whole, headSha256, tail } = await readSourceEnds(path, expected.bytes, from, onBytes);
  const isTail = tail.bytes === expected.bytes && tail.sha256 === expected.sha256;
  const hasGrown = begins === 'perhaps' && headSha256 === expected.sha256;
  return { found: whole, from: isTail && !hasGrown ? from : 0 };
};

/** What is not as the seal says, or without one the segment's end; empty when all is. The digest is named only where the counts do not tell already. */
const compare = (found: Contents, expected: Contents, state: SegmentRecord['state']): string[] => {
  const faults: string[] = [];
  const told = state === 'sealed' ? 'the seal has' : 'its agent told of';
  for (const field of ['bytes', 'lines'] as const)
    if (found[field] !== expected[field])
      faults.push(`${formatCount(found[field])} ${field} where ${told} ${formatCount(expected[field])}`);
  // Behind a loss an agent's digest stands for nothing.
  if (state !== 'incomplete' && found.sha256 !== expected.sha256 && faults.length === 0)
    faults.push(`SHA-256 ${found.sha256} where ${told} ${expected.sha256}`);
  return faults;
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
  { ledger, sink, sources }: AuditScope,
  segment: SegmentRecord,
  { pack: id, from, to }: Difference,
  sourceFrom: number,
): Promise<string> => {
  const source = sourceOf(sources, segment);
  if (!source || source.shared || id === undefined || to - from > LARGEST_PACK_COMPARED) return '';
  try {
    const [pack] = await ledger.packs(segment, id - 1, 1);
    const right = await readSourceRange(source.paths, sourceFrom + from, sourceFrom + to);
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
