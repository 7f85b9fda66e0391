/**
 * Whether some time zone has a day of so many hours. Nearly all days have 24; where the clock is set, they have 23 or 25 (in Troll, Antarctica,
 * 22 or 26), and nobody but the zone's rules says when.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Hours, openHours } from './hour.ts';

const USUAL = 24;
const [LEAST, MOST] = [22, 26];
/** Zones looked at before other work has its turn: the first look into one takes some milliseconds. */
const ZONES_AT_ONCE = 4;
const MOST_KNOWN = 1_000;
/** Those of most agents: their days are found at once. */
const COMMON = [
  'Europe/Berlin',
  'America/New_York',
  'Europe/London',
  'America/Los_Angeles',
  'Australia/Sydney',
];

let zones: Map<string, Hours> | undefined;
const known = new Map<string, Promise<boolean>>();

const look = async (day: string, hours: number): Promise<boolean> => {
  zones ??= new Map(
    [...COMMON, ...Intl.supportedValuesOf('timeZone')].map((zone) => [zone, openHours(zone)]),
  );
  for (const [n, zone] of [...zones.values()].entries()) {
    if (n % ZONES_AT_ONCE === 0) await nextTurn();
    if (zone.hoursInDay(day).length === hours) return true;
  }
  return false;
};

/** `day` is a label such as `20261025`. One question is looked up at a time, and what was found is remembered. */
export const someZoneHas = (day: string, hours: number): Promise<boolean> => {
  if (hours === USUAL) return Promise.resolve(true);
  if (hours < LEAST || hours > MOST) return Promise.resolve(false);
  const key = `${day} ${hours}`;
  const asked = known.get(key);
  if (asked !== undefined) return asked;
  if (known.size >= MOST_KNOWN) known.clear();
  const answer = turn.then(() => look(day, hours));
  turn = answer.catch(() => undefined);
  known.set(key, answer);
  return answer;
};
let turn: Promise<unknown> = Promise.resolve();
