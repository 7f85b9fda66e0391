/**
 * A segment's state as one letter, as a sink tells its monitor. Lower case for an hour, upper case for a segment of a whole day.
 *
 *   s sealed · e sealed with 0 lines · o open · i incomplete · r refused
 */
import type { SegmentRecord } from '../ledger/ledger.ts';
import { isDayLabel } from '../pack/hour.ts';

export const HOUR_LETTERS = ['s', 'e', 'o', 'i', 'r'] as const;
export type HourLetter = (typeof HOUR_LETTERS)[number];

const letterOfState = ({ state, bytes, expected, generation }: SegmentRecord): HourLetter => {
  if (state === 'refused') return 'r';
  if (state === 'incomplete') return 'i';
  if (state !== 'sealed') return 'o';
  return bytes === 0 && expected?.bytes === 0 && generation === 1 ? 'e' : 's';
};

export const hourLetter = (segment: SegmentRecord): HourLetter | Uppercase<HourLetter> => {
  const letter = letterOfState(segment);
  return isDayLabel(segment.hour) ? (letter.toUpperCase() as Uppercase<HourLetter>) : letter;
};
