/**
 * How many hours may be open at a time, of one host and in all: each takes memory, a row of the ledger and time at the next start, and a
 * client can name as many as it likes.
 *
 * The ledger is counted at most once in RECOUNT_MS, and hours that are begun in between are added: so the bound may be kept a little early.
 */
import type { Ledger } from '../ledger/ledger.ts';
import type { PackHeader } from '../pack/pack.ts';
import type { Clock } from '../telemetry/clock.ts';

const RECOUNT_MS = 5_000;

export interface OpenHoursLimits {
  readonly ofHost: number;
  readonly inAll: number;
}

/** Why the host may not begin one more hour, in a sentence; undefined where it may, and then it is counted. */
export type BeginHour = (header: Pick<PackHeader, 'host'>) => Promise<string | undefined>;

export const limitOpenHours = (
  ledger: Pick<Ledger, 'openHours'>,
  clock: Pick<Clock, 'monotonic'>,
  { ofHost, inAll }: OpenHoursLimits,
): BeginHour => {
  let counts = new Map<string, number>();
  let all = 0;
  let countedAt = -Infinity;
  let counting: Promise<void> | undefined;

  const count = async (): Promise<void> => {
    const rows = await ledger.openHours();
    counts = new Map(rows.map(({ host, hours }) => [host, hours]));
    all = rows.reduce((sum, { hours }) => sum + hours, 0);
    countedAt = clock.monotonic();
  };

  return async ({ host }) => {
    if (clock.monotonic() - countedAt >= RECOUNT_MS)
      await (counting ??= count().finally(() => (counting = undefined)));
    const own = counts.get(host) ?? 0;
    if (own >= ofHost)
      return `${own} hours of ${host} are open, which is the most that one host may have (limits.open_hours_per_host). New ones are taken as those are sealed or closed.`;
    if (all >= inAll)
      return `${all} hours are open, which is the most that this sink takes (limits.open_hours). New ones are taken as those are sealed or closed.`;
    counts.set(host, own + 1);
    all++;
    return undefined;
  };
};
