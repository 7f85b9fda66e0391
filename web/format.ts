/** Numbers and times as people read them. Times are UTC. */

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const DAYS = 'Sun Mon Tue Wed Thu Fri Sat'.split(' ');
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

export const count = (value: number): string => Math.round(value).toLocaleString('en-US');

/** `24.0 MiB`. */
export const bytes = (value: number): string => {
  let [rest, unit] = [value, 0];
  while (rest >= 1024 && unit < UNITS.length - 1) [rest, unit] = [rest / 1024, unit + 1];
  return `${unit === 0 ? Math.round(rest) : rest.toFixed(1)} ${UNITS[unit]}`;
};

/** `17 min`, `41 s`, `0.9 s`, `12 d`. */
export const duration = (seconds: number): string => {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
};

/** Rounded down: 100 % only where it is all. */
export const share = (part: number, whole: number): string =>
  whole === 0 ? 'none due' : part === whole ? '100' : (Math.floor((part / whole) * 10_000) / 100).toFixed(2);

export const clock = (at: number): string => new Date(at).toISOString().slice(11, 16);
export const clockSeconds = (at: number): string => new Date(at).toISOString().slice(11, 19);

/** `Thu 26 Nov`. */
export const dayName = (at: number): string => {
  const date = new Date(at);
  return `${DAYS[date.getUTCDay()]} ${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
};
export const monthName = (label: string): string =>
  `${MONTHS[Number(label.slice(4, 6)) - 1]} ${label.slice(0, 4)}`;

/** The beginning of `2026112216` or `20261122` or `202611`. */
export const timeOf = (label: string): number =>
  Date.UTC(
    Number(label.slice(0, 4)),
    Number(label.slice(4, 6)) - 1,
    Number(label.slice(6, 8) || 1),
    Number(label.slice(8, 10) || 0),
  );

export const labelOf = (at: number): string => new Date(at).toISOString().slice(0, 13).replace(/[-T]/g, '');

/** `26 November 02:00`, for a screen reader. */
export const hourInWords = (label: string): string =>
  new Date(timeOf(label)).toLocaleString('en-GB', {
    timeZone: 'UTC',
    day: 'numeric',
    month: 'long',
    hour: '2-digit',
    minute: '2-digit',
  });

/** `today 03:10`, `24 Nov 20:00`. */
export const when = (at: number, now: number): string =>
  at - (at % 86_400_000) === now - (now % 86_400_000) ? clock(at) : `${dayName(at).slice(4)} ${clock(at)}`;

/** A difference with the true minus. */
export const difference = (value: number): string => (value < 0 ? `\u2212${count(-value)}` : count(value));
