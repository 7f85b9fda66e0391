/** `logd status` on an open ledger: as tables for people, or as one JSON document. */
import type { AbsentHour } from '../ledger/expected-set.ts';
import type { DayRecord, Ledger, SegmentRecord } from '../ledger/ledger.ts';
import { type SegmentKey, segmentName } from '../pack/pack.ts';
import { isNarrow, type Selection } from './selection.ts';
import { selectSegments } from '../ledger/walk.ts';
import { wrap } from '../text/prose.ts';
import { type Colour, formatCount, type Paint } from '../text/terminal.ts';
import { absentJson, dayJson, segmentJson, summaryJson } from '../report/json.ts';
import { allSealed, compare, missingPacks, reasonOf, summarise, type Summary } from '../report/summary.ts';
import {
  dayTable,
  describeAbsent,
  describeGaps,
  describeSummary,
  segmentTable,
} from '../report/segment-text.ts';

const NEWEST = 50;
const NEWEST_DAYS = 10;
const ROWS_A_TABLE = 500;
const MOST_GAPS = 100;
const MOST_GAPS_SHOWN = 5;
const MOST_NOTES = 20;
/** Characters of a day's label. */
const DAY_LABEL = 8;

type ReadLedger = Pick<Ledger, 'segments' | 'gaps' | 'days'>;

export interface TextOptions {
  readonly selection: Selection;
  /** Hours that must be there and are not. */
  readonly absent: readonly AbsentHour[];
  /** Every segment, not only the newest 50. */
  readonly all: boolean;
  readonly width: number;
  readonly paint: Paint;
}

/** Writes tables and a summary line; each call of `write` gets whole lines without the last newline. */
export const showText = async (
  ledger: ReadLedger,
  { selection, absent, all, width, paint }: TextOptions,
  write: (text: string) => void,
): Promise<Summary> => {
  const say = (colour: Colour, text: string): string => paint(colour, wrap(text, width).join('\n'));
  const counted = summarise(all ? 0 : NEWEST);
  counted.addAbsent(absent.length);
  const notes = describeAbsent(absent).slice(0, MOST_NOTES);
  const show = async (rows: readonly SegmentRecord[], missing: readonly AbsentHour[] = []): Promise<void> => {
    if (rows.length + missing.length === 0) return;
    write(segmentTable([...rows, ...missing].sort(byName), width, paint).join('\n'));
    for (const row of rows) if (notes.length < MOST_NOTES) notes.push(...(await notesOn(ledger, row)));
  };

  let rows: SegmentRecord[] = [];
  for await (const segment of selectSegments(ledger, selection)) {
    counted.add(segment);
    if (all && rows.push(segment) === ROWS_A_TABLE) {
      await show(rows);
      rows = [];
    }
  }
  await show(all ? rows : counted.newest(), all ? absent : newestAbsent(absent));
  const summary = counted.summary();
  if (summary.segments + summary.absent === 0) {
    write(isNarrow(selection) ? 'No segment is selected.' : 'No segment has arrived yet.');
    return summary;
  }
  if (!all && summary.segments > NEWEST)
    write(say('dim', `The newest ${NEWEST} of ${formatCount(summary.segments)} segments; --all shows all.`));
  if (notes.length > 0)
    write(
      `\n${notes
        .slice(0, MOST_NOTES)
        .map((note) => say('yellow', note))
        .join('\n')}`,
    );

  const days = await selectedDays(ledger, selection);
  const shown = all ? days : newestDays(days);
  if (shown.length > 0) write(`\n${dayTable(shown, width, paint).join('\n')}`);
  if (shown.length < days.length)
    write(say('dim', `The newest ${shown.length} of ${formatCount(days.length)} days; --all shows all.`));
  write(`\n${say(allSealed(summary) ? 'green' : 'bold', describeSummary(summary))}`);
  return summary;
};

/** Writes the document that `json.ts` describes. */
export const showJson = async (
  ledger: ReadLedger,
  { selection, absent }: Pick<TextOptions, 'selection' | 'absent'>,
  now: number,
  write: (text: string) => void,
): Promise<Summary> => {
  const counted = summarise(0);
  counted.addAbsent(absent.length);
  write(`{"generated_at":${JSON.stringify(new Date(now).toISOString())},"segments":[`);
  let separator = '\n';
  for await (const segment of selectSegments(ledger, selection)) {
    counted.add(segment);
    const gaps = hasGaps(segment) ? await ledger.gaps(segment, MOST_GAPS) : [];
    write(separator + JSON.stringify(segmentJson(segment, gaps)));
    separator = ',\n';
  }
  for (const hour of absent) {
    write(separator + JSON.stringify(absentJson(hour)));
    separator = ',\n';
  }
  const days = (await selectedDays(ledger, selection)).map((day) => JSON.stringify(dayJson(day)));
  const summary = counted.summary();
  write(`],\n"days":[\n${days.join(',\n')}],\n"summary":${JSON.stringify(summaryJson(summary))}}\n`);
  return summary;
};

const hasGaps = (segment: SegmentRecord): boolean => missingPacks(segment) > 0 || segment.lostPacks > 0;

const waits = ({ state }: SegmentRecord): boolean => state === 'open' || state === 'complete';

/** Why a segment is not sealed, as far as it needs a person: an open one without gaps only needs time. */
const notesOn = async (ledger: ReadLedger, segment: SegmentRecord): Promise<string[]> => {
  const notes: string[] = [];
  const reason = reasonOf(segment);
  if (reason !== undefined)
    notes.push(`${segmentName(segment)} ${waits(segment) ? 'waits' : segment.state}: ${reason}`);
  if (segment.source === 'changed')
    notes.push(
      `${segmentName(segment)} was changed on its host after it was sent: ${segment.sourcePlace ?? ''}`,
    );
  if (hasGaps(segment)) notes.push(describeGaps(segment, await ledger.gaps(segment, MOST_GAPS_SHOWN)));
  return notes;
};

const selectedDays = async (
  ledger: ReadLedger,
  { host, stream, hour = '', since = '' }: Selection,
): Promise<DayRecord[]> => {
  const day = hour.length >= 8 ? hour.slice(0, 8) : undefined;
  const days = await ledger.days({ ...(host && { host }), ...(stream && { stream }), ...(day && { day }) });
  return days.filter((one) => one.day.startsWith(hour.slice(0, 8)) && one.day >= since.slice(0, 8));
};

/** False when a day is asked for and not all of its hours are sealed: those that have not begun to arrive have no segment yet. */
export const daysComplete = async (ledger: ReadLedger, selection: Selection): Promise<boolean> =>
  selection.hour?.length !== DAY_LABEL ||
  (await selectedDays(ledger, selection)).every(({ sealed, hours }) => sealed === hours);

const newestDays = (days: readonly DayRecord[]): DayRecord[] =>
  days.toSorted((a, b) => compare(b.day, a.day)).slice(0, NEWEST_DAYS);

const newestAbsent = (absent: readonly AbsentHour[]): AbsentHour[] =>
  absent.toSorted((a, b) => compare(b.hour, a.hour)).slice(0, NEWEST);

const byName = (a: SegmentKey, b: SegmentKey): number =>
  compare(a.host, b.host) || compare(a.stream, b.stream) || compare(a.hour, b.hour);
