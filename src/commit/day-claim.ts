/**
 * The end of an hour says how many hours its day has. A false number would make a day complete that is not, so it is held against the
 * hour's own label, against the time zones that there are, and against the other hours of the day.
 */
import type { Ledger } from '../ledger/ledger.ts';
import { someZoneHas } from '../pack/day-length.ts';
import { dayOf, isDayLabel } from '../pack/hour.ts';
import { type PackHeader, segmentName } from '../pack/pack.ts';

/** More than a day has. */
const MOST_HOURS = 30;

/** What is wrong with it in a sentence, or undefined. 0 says that the zone does not have the hour: it counts towards no day. */
export const dayClaimFault = async (
  ledger: Pick<Ledger, 'segments'>,
  { host, stream, hour, id, done }: PackHeader,
): Promise<string | undefined> => {
  if (done === undefined || done.hoursInDay === 0) return undefined;
  const { hoursInDay } = done;
  const day = dayOf(hour);
  const claim = `Pack ${id} of ${segmentName({ host, stream, hour })} says that the day ${day} has ${hoursInDay} segments`;
  if (isDayLabel(hour))
    return hoursInDay === 1 ? undefined : `${claim}, but its label is a whole day: that is 1.`;
  if (!(await someZoneHas(day, hoursInDay))) return `${claim}, and no time zone has such a day.`;
  const ofDay = await ledger.segments({ host, stream, hour: day }, { limit: MOST_HOURS });
  const other = ofDay.find(
    ({ hour: label, expected }) =>
      label !== hour &&
      !isDayLabel(label) &&
      expected !== undefined &&
      differs(expected.hoursInDay, hoursInDay),
  );
  return other && `${claim}, and the hour ${other.hour} of it says ${other.expected?.hoursInDay ?? 0}.`;
};

const differs = (said: number, now: number): boolean => said !== 0 && said !== now;
