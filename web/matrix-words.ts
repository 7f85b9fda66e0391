/** What cells and rows are called, for tooltips and screen readers. */
import { nameOf } from './states.ts';
import { count, dayName, duration, hourInWords, monthName, timeOf } from './format.ts';
import { serverNow } from './live.ts';
import type { MatrixRow, Zoom } from './matrix-model.ts';

const HOUR_MS = 3_600_000;

export const columnWords = (zoom: Zoom, label: string): string =>
  zoom === 'hours' ? hourInWords(label) : zoom === 'days' ? dayName(timeOf(label)) : monthName(label);

/** Before it is some room: a new day, week or year. */
export const startsGroup = (zoom: Zoom, label: string): boolean =>
  zoom === 'hours'
    ? label.endsWith('00')
    : zoom === 'days'
      ? new Date(timeOf(label)).getUTCDay() === 1
      : label.endsWith('01');

export const isOver = (label: string): boolean =>
  label.length === 10 && timeOf(label) + HOUR_MS <= serverNow.peek();

/** `late by 7 min`, `4 silent`. */
export const stateWords = (
  letter: string,
  {
    label,
    weight,
    lateAfterMs,
  }: { readonly label: string; readonly weight: number | undefined; readonly lateAfterMs: number },
): string => {
  if (weight !== undefined) return `${count(weight)} ${nameOf(letter)}`;
  const late = serverNow.peek() - timeOf(label) - HOUR_MS - lateAfterMs;
  return letter === 'L' && late > 0 ? `late by ${duration(Math.max(60_000, late) / 1000)}` : nameOf(letter);
};

/** `1 refused`, `3 silent`: hours in each state that somebody must see, the worst first. */
export const troubleWords = ({ letters, weights }: MatrixRow): string[] =>
  ['R', 'I', 'N', 'L'].flatMap((letter) => {
    const hours = letters.reduce((sum, each, n) => sum + (each === letter ? (weights[n] ?? 1) : 0), 0);
    return hours === 0 ? [] : [`${count(hours)} ${nameOf(letter)}`];
  });

/** `27 sealed and 3 removed days`. */
export const rowWords = ({ letters }: MatrixRow, zoom: Zoom): string => {
  const counts = [...Map.groupBy(letters, (letter) => letter)].filter(([letter]) => letter !== ' ');
  const parts = counts.map(([letter, all]) => `${count(all.length)} ${nameOf(letter)}`);
  return `${parts.join(', ')} ${zoom}`;
};
