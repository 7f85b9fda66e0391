/**
 * The ETL over hours that are stored already, by hand: several at a time, each all or nothing.
 *
 * It resumes where it stopped: an hour whose part was made of the same seal is passed over, unless it is forced.
 */
import type { Ledger, Seal, SegmentFilter, SegmentRecord } from '../../ledger/ledger.ts';
import { recordedSegment } from '../../ledger/recorded.ts';
import { selectSegments } from '../../ledger/walk.ts';
import type { Store } from '../../stores/store.ts';
import type { EtlCounts } from './hour-etl.ts';
import { partName } from './kind.ts';
import type { RuleOptions } from './load-rules.ts';
import { sealOfPart } from './publish-hour.ts';
import { runHour } from './run-hour.ts';

export interface BackfillOptions {
  readonly ledger: Pick<Ledger, 'segments' | 'packs' | 'seals'>;
  readonly store: Pick<Store, 'read'>;
  readonly rules: RuleOptions;
  readonly dir: string;
  readonly filter: SegmentFilter;
  /** Labels, inclusive; a day takes all of its hours. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** Hours that are done are done again. */
  readonly force: boolean;
  readonly parallel: number;
  readonly signal: AbortSignal;
}

/** What became of an hour. `open`: it is not sealed, so nothing was made of it. */
export type BackfillStep = { readonly segment: SegmentRecord } & (
  | { readonly kind: 'done'; readonly counts: EtlCounts }
  | { readonly kind: 'same' }
  | { readonly kind: 'open' }
  | { readonly kind: 'failed'; readonly error: unknown }
);

/** `20261122` as an end takes `2026112216` in: `~` sorts after every character of a label. */
const isWithin = ({ hour }: SegmentRecord, from = '', to = '~'): boolean => hour >= from && hour <= `${to}~`;

/** The hours that a backfill has to do with, oldest first within a host and stream. */
export async function* backfillHours(
  options: Pick<BackfillOptions, 'ledger' | 'filter' | 'from' | 'to'>,
): AsyncGenerator<SegmentRecord> {
  for await (const segment of selectSegments(options.ledger, options.filter))
    if (isWithin(segment, options.from, options.to)) yield segment;
}

const currentSeal = async (
  ledger: Pick<Ledger, 'seals'>,
  segment: SegmentRecord,
): Promise<Seal | undefined> =>
  segment.state === 'sealed'
    ? (await ledger.seals(segment)).find(({ generation }) => generation === segment.generation)
    : undefined;

const takeHour = async (options: BackfillOptions, segment: SegmentRecord): Promise<BackfillStep> => {
  const { ledger, store, rules, dir, force, signal } = options;
  const seal = await currentSeal(ledger, segment);
  if (seal === undefined) return { segment, kind: 'open' };
  const part = partName(segment);
  if (!force && (await sealOfPart(dir, part)) === seal.sha256) return { segment, kind: 'same' };
  try {
    const bytes = store.read(recordedSegment(ledger, segment));
    const { counts } = await runHour(rules, { dir, part, seal: seal.sha256 }, bytes, signal);
    return { segment, kind: 'done', counts };
  } catch (error) {
    signal.throwIfAborted();
    return { segment, kind: 'failed', error };
  }
};

/** Works through the hours; `told` hears of each as it is done. Rejects when it is aborted. */
export const backfill = async (
  options: BackfillOptions,
  told: (step: BackfillStep) => void,
): Promise<void> => {
  const hours = backfillHours(options);
  const work = async (): Promise<void> => {
    for (;;) {
      options.signal.throwIfAborted();
      const next = await hours.next();
      if (next.done === true) return;
      told(await takeHour(options, next.value));
    }
  };
  await Promise.all(Array.from({ length: options.parallel }, work));
};
