/** The hour that is in a file's name, and the two hours of a name in local time when the clock is set back (repeated-hour.ts). */
import type { Hours } from '../pack/hour.ts';
import type { SourceFile } from '../tail/discover.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import type { HourRule, Placement } from './hour-rule.ts';
import { endOfLastLine, occurrenceOf } from './repeated-hour.ts';

/** A file that was looked at so lately was watched when the clock was set back. */
const WATCHED_MS = 60_000;

export interface HourByNameOptions {
  readonly hours: Hours;
  readonly clock: Pick<Clock, 'now'>;
  readonly emit: Emit;
}

export const hourByName = ({ hours, clock, emit }: HourByNameOptions): HourRule => {
  const watchedAt = new Map<string, number>();
  const warned = new Set<string>();

  const placeRepeated = (file: SourceFile, later: string, isCut: boolean): Placement => {
    const { label: hour, path, size } = file;
    const secondStart = hours.startOf(later) ?? Number.MAX_SAFE_INTEGER;
    const now = clock.now();
    const watched = now - (watchedAt.get(path) ?? -Infinity) < WATCHED_MS;
    if (now < secondStart) watchedAt.set(path, now);
    const { birthtimeMs, mtimeMs } = file;
    switch (occurrenceOf({ secondStart, now, watched, birthtimeMs, mtimeMs, begun: isCut })) {
      case 'first':
        return { hour };
      case 'second':
        return { hour: later };
      case 'split':
        // A line that is just being written is not torn; in a file that nobody has written to since, nothing is to come.
        return {
          ...{ hour, later },
          stopOf: (open, from) => (watched ? endOfLastLine(open, from, size) : Promise.resolve(size)),
        };
      case 'unknown':
        if (!warned.has(path)) emit('tail.hour-repeated', { path, hour });
        warned.add(path);
        return { hour };
    }
  };

  return {
    firstHour(file) {
      if (!file.exists && !warned.has(file.path)) {
        warned.add(file.path);
        emit('tail.hour-missing', { path: file.path, hour: file.label, zone: hours.zone });
      }
      return file.label;
    },
    laterHour: ({ repeated }) => repeated,
    place: (file, isCut) =>
      file.repeated === undefined ? { hour: file.label } : placeRepeated(file, file.repeated, isCut),
  };
};
