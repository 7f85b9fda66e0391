/**
 * How long packs take on their way through relays, from the times that each relay adds to their route.
 *
 *   relay1 received ─ kept ─▶ sent ─ on the way ─▶ relay2 received ─ kept ─▶ sent ─ on the way ─▶ here
 *
 * "Kept" is by one clock. "On the way" is by two, so it is wrong by as much as they differ; it may be negative then.
 * Memory: SHOWN hops, the longest unseen given up first.
 */
import type { PackHeader } from '../pack/pack.ts';
import type { Clock } from '../telemetry/clock.ts';
import { type PartStatus, SHOWN } from '../telemetry/status.ts';

/** Weight of the newest pack in the running means. */
const NEWEST = 0.1;
/** A hop that no pack came over for so long is shown no more. */
const FORGET_MS = 3_600_000;

interface HopTimes {
  kept: number;
  onTheWay: number;
  /** Monotonic. */
  seenAt: number;
}

export interface RouteLatency {
  /** To be called with each pack that arrives. */
  note(header: Pick<PackHeader, 'route'>): void;
  /** One part for each hop, in order of arrival. */
  parts(): PartStatus[];
}

const mean = (before: number, newest: number): number => before + NEWEST * (newest - before);

const show = (ms: number): string =>
  Math.abs(ms) < 10_000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 1000)} s`;

/** `node`: who notes them, the end of the route. */
export const createRouteLatency = (node: string, clock: Clock): RouteLatency => {
  const hops = new Map<string, HopTimes>();

  const take = (name: string, kept: number, onTheWay: number): void => {
    const seenAt = clock.monotonic();
    const before = hops.get(name);
    hops.delete(name);
    hops.set(
      name,
      before === undefined
        ? { kept, onTheWay, seenAt }
        : { kept: mean(before.kept, kept), onTheWay: mean(before.onTheWay, onTheWay), seenAt },
    );
    const [oldest] = hops.keys();
    if (hops.size > SHOWN && oldest !== undefined) hops.delete(oldest);
  };

  return {
    note({ route = [] }) {
      for (const [n, { node: from, received, sent }] of route.entries()) {
        const next = route[n + 1];
        take(`${from} → ${next?.node ?? node}`, sent - received, (next?.received ?? clock.now()) - sent);
      }
    },
    parts() {
      const now = clock.monotonic();
      for (const [name, { seenAt }] of hops) if (now - seenAt > FORGET_MS) hops.delete(name);
      return [...hops].map(([name, { kept, onTheWay }]) => ({
        ...{ kind: 'hop', name, state: 'running' },
        detail: `packs wait ${show(kept)} at the relay and take ${show(onTheWay)} from there (means, by the clocks of both)`,
      }));
    },
  };
};
