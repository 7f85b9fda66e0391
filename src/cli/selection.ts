/**
 * Which segments a command is about.
 */
import { type Command, InvalidArgumentError } from 'commander';
import { parseDuration } from '../config/units.ts';
import { messageOf } from '../error.ts';
import { plainLabel } from '../pack/hour.ts';
import { isHourLabel, isName, NAME_RULE } from '../pack/name.ts';
import { systemClock } from '../telemetry/clock.ts';

/** The options that {@link selectionOptions} adds. */
export interface Selection {
  readonly host?: string;
  readonly stream?: string;
  readonly hour?: string;
  readonly since?: string;
}

/** The selection among a command's options. */
export const selectionOf = ({ host, stream, hour, since }: Selection): Selection => ({
  ...(host !== undefined && { host }),
  ...(stream !== undefined && { stream }),
  ...(hour !== undefined && { hour }),
  ...(since !== undefined && { since }),
});

/** True when it leaves anything out. */
export const isNarrow = (selection: Selection): boolean => Object.keys(selectionOf(selection)).length > 0;

/** Adds --host, --stream, --hour and --since. */
export const selectionOptions = (command: Command): Command =>
  command
    .option('--host <name>', 'only this host', parseName)
    .option('--stream <name>', 'only this stream', parseName)
    .option('--hour <prefix>', 'only hours that begin so: 2026112216, or 20261122 for a day', parseHourPrefix)
    .option(
      '--since <hour>',
      "only this hour or day and later ones: 20261122, or 7d for those of the last 7 days by this machine's time",
      parseSince,
    );

export const parseName = (text: string): string => {
  if (!isName(text)) throw new InvalidArgumentError(`A name has ${NAME_RULE}.`);
  return text;
};

/** A whole label of an hour or day, also as `2026-11-22T16`. */
export const parseHour = (text: string): string => {
  const label = text.replaceAll(/[-T ]/g, '');
  if (!isHourLabel(label))
    throw new InvalidArgumentError('An hour looks like 2026112216, a day like 20261122.');
  return label;
};

/** Accepts `2026-11-22` and `2026-11-22T16` besides the label itself. */
const parseHourPrefix = (text: string): string => {
  const label = text.replaceAll(/[-T ]/g, '');
  if (!/^\d{4,10}b?$/.test(label))
    throw new InvalidArgumentError('An hour looks like 2026112216, a day like 20261122.');
  return label;
};

/** A label, or how long ago: `36h`, `7d`. */
const parseSince = (text: string): string => {
  if (!/[a-z]$/.test(text) || text.endsWith('b')) return parseHourPrefix(text);
  try {
    const then = new Date(systemClock.now() - parseDuration(text));
    const [year, month, day, hour] = [
      then.getFullYear(),
      then.getMonth() + 1,
      then.getDate(),
      then.getHours(),
    ];
    return plainLabel({ year, month, day, hour });
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
};
