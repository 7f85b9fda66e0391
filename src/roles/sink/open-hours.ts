/** The hours of a ledger that are not sealed, in memory for a status: read again in the background when someone looks. */
import type { Ledger } from '../../ledger/ledger.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { type OpenHour, SHOWN } from '../../telemetry/status.ts';

/** A list is shown for so long before it is read again. */
const FRESH_MS = 1000;
/** Most open hours that are counted. */
const COUNTED = 1000;

export interface OpenHours {
  /** The latest that is known; asks for newer where that is old. */
  read(): { readonly list: readonly OpenHour[]; readonly count: number };
  /** Reads now. Never rejects: what is known stays. */
  refresh(): Promise<void>;
}

export const watchOpenHours = (ledger: Pick<Ledger, 'segments'>, clock: Clock): OpenHours => {
  let known: { readonly list: readonly OpenHour[]; readonly count: number } = { list: [], count: 0 };
  let readAt = -Infinity;
  let reading: Promise<void> | undefined;

  const load = async (): Promise<void> => {
    const found = await ledger.segments({ states: ['open', 'complete'] }, { limit: COUNTED });
    const list = found
      .toSorted((a, b) => (a.hour < b.hour ? -1 : 1))
      .slice(0, SHOWN)
      .map(({ host, stream, hour, packs, bytes, lastArrival: changedAt }): OpenHour => ({
        ...{ host, stream, hour, packs, bytes, changedAt },
      }));
    known = { list, count: found.length };
  };

  const refresh = (): Promise<void> =>
    (reading ??= load()
      // The failure of a database is reported where it stops the work.
      .catch(() => undefined)
      .finally(() => {
        readAt = clock.monotonic();
        reading = undefined;
      }));

  return {
    refresh,
    read() {
      if (clock.monotonic() - readAt >= FRESH_MS) void refresh();
      return known;
    },
  };
};
