/**
 * Hours of labels as numbers, so that they can be counted: hours since 1970, read as if the label were UTC. What is compared this way must
 * be of one time zone; of a repeated hour both have one number.
 */
const HOUR_MS = 3_600_000;

/** `2026112216` → hours since 1970; a label of a whole day is the number of its first hour. */
export const hourIndex = (label: string): number => {
  const [year, month, day] = [label.slice(0, 4), label.slice(4, 6), label.slice(6, 8)].map(Number);
  return Date.UTC(year!, month! - 1, day) / HOUR_MS + Number(label.slice(8, 10));
};

/** `2026112216`, of hours since 1970. */
export const hourLabel = (index: number): string =>
  new Date(index * HOUR_MS).toISOString().slice(0, 13).replaceAll(/[-T]/g, '');
