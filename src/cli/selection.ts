/**
 * Which segments a command is about, and walking through them page by page.
 */
import { type Command, InvalidArgumentError } from 'commander';
import type { Ledger, SegmentFilter, SegmentRecord } from '../ledger/ledger.ts';
import { isName, NAME_RULE } from '../pack/name.ts';

const SEGMENTS_A_PAGE = 500;

/** The options that {@link selectionOptions} adds. */
export interface Selection {
  readonly host?: string;
  readonly stream?: string;
  readonly hour?: string;
}

/** The selection among a command's options. */
export const selectionOf = ({ host, stream, hour }: Selection): Selection => ({
  ...(host !== undefined && { host }),
  ...(stream !== undefined && { stream }),
  ...(hour !== undefined && { hour }),
});

/** Adds --host, --stream and --hour. */
export const selectionOptions = (command: Command): Command =>
  command
    .option('--host <name>', 'only this host', parseName)
    .option('--stream <name>', 'only this stream', parseName)
    .option(
      '--hour <prefix>',
      'only hours that begin so: 2026112216, or 20261122 for a day',
      parseHourPrefix,
    );

const parseName = (text: string): string => {
  if (!isName(text)) throw new InvalidArgumentError(`A name has ${NAME_RULE}.`);
  return text;
};

/** Accepts `2026-11-22` and `2026-11-22T16` besides the label itself. */
const parseHourPrefix = (text: string): string => {
  const label = text.replaceAll(/[-T ]/g, '');
  if (!/^\d{4,10}b?$/.test(label))
    throw new InvalidArgumentError('An hour looks like 2026112216, a day like 20261122.');
  return label;
};

/** All segments that the filter selects, in order of host, stream and hour; never more than a page in memory. */
export async function* selectSegments(
  ledger: Pick<Ledger, 'segments'>,
  filter: SegmentFilter,
): AsyncGenerator<SegmentRecord> {
  for (let after: SegmentRecord | undefined; ;) {
    const page = await ledger.segments(filter, { limit: SEGMENTS_A_PAGE, ...(after && { after }) });
    yield* page;
    if (page.length < SEGMENTS_A_PAGE) return;
    after = page.at(-1);
  }
}
