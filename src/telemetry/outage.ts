/**
 * An outage that concerns hours: said once it has lasted for a minute, and once it is over. What happens again and again meanwhile is counted
 * in repeats.ts.
 *
 *   an hour fails ─▶ waits ─ a minute without the end ─▶ onLong
 *                      └ all that wait work again, or a minute in which some work and none fails ─▶ over: onOver, if it was long
 *
 * Memory: the names of the hours that wait, at most MOST_HOURS.
 */
import { type Clock, systemClock } from './clock.ts';
import { lasting } from './lasting.ts';

const MINUTE_MS = 60_000;
const MOST_HOURS = 10_000;

export interface OutageState<Hour> {
  /** The hours that wait, by name. */
  readonly waiting: ReadonlyMap<string, Hour>;
  readonly reason: string;
  readonly lasted: string;
}

export interface OutageWatch<Hour> {
  failed(name: string, hour: Hour, reason: string): void;
  worked(name: string): void;
}

export interface OutageOptions<Hour> {
  readonly clock?: Pick<Clock, 'monotonic'>;
  readonly onLong: (state: OutageState<Hour>) => void;
  readonly onOver: (state: OutageState<Hour>) => void;
}

export const watchOutage = <Hour>({
  clock = systemClock,
  onLong,
  onOver,
}: OutageOptions<Hour>): OutageWatch<Hour> => {
  const waiting = new Map<string, Hour>();
  let since = 0;
  let timer: NodeJS.Timeout | undefined;
  let isLong = false;
  let reason = '';
  let [failures, successes] = [0, 0];

  const state = (): OutageState<Hour> => ({ waiting, reason, lasted: lasting(clock.monotonic() - since) });

  const end = (): void => {
    clearInterval(timer);
    timer = undefined;
    if (isLong) onOver(state());
    isLong = false;
    waiting.clear();
  };

  const look = (): void => {
    if (failures === 0 && successes > 0) return end();
    [failures, successes] = [0, 0];
    if (isLong) return;
    isLong = true;
    onLong(state());
  };

  return {
    failed(name, hour, why) {
      failures++;
      reason = why;
      if (waiting.size < MOST_HOURS) waiting.set(name, hour);
      if (timer !== undefined) return;
      since = clock.monotonic();
      timer = setInterval(look, MINUTE_MS).unref();
    },
    worked(name) {
      if (timer === undefined) return;
      successes++;
      waiting.delete(name);
      if (waiting.size === 0) end();
    },
  };
};
