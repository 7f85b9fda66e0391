/**
 * Which upstream a segment goes to: weighted rendezvous hashing over those that are healthy.
 *
 *   score(upstream, host/stream) = weight / −ln(hash)      the highest score takes the packs of that host and stream
 *
 * Each (host, stream) has an order of upstreams that depends on nothing but names and weights. It stays with its first one while that is
 * healthy, goes to its second when not, and returns. Those of the other upstreams do not move.
 *
 *   healthy ── connection lost ─▶ away ── connected ─▶ warming ── after `slowStart` ─▶ healthy
 *                                                        │ takes a share of its own that grows from a tenth to all of it
 *
 * Method: Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (1998); weights after Schindelhauer and Schomaker (2005).
 */
import { hash } from 'node:crypto';

export interface WeightedUpstream {
  /** Unique; the hash depends on it. */
  readonly name: string;
  /** Above 0; twice the weight, twice the share. */
  readonly weight: number;
}

export interface UpstreamHealth {
  /** Monotonic milliseconds since when it is connected; undefined while it is away. */
  readonly connectedSince: number | undefined;
  /** It was away before: it warms up. */
  readonly returned: boolean;
}

const SHARES = 2 ** 32;
const FIRST_SHARE = 0.1;

/** A number between 0 and 1, both excluded, which depends on the texts alone. */
const fraction = (...texts: readonly string[]): number =>
  (hash('sha256', texts.join('\0'), 'buffer').readUInt32BE(0) + 0.5) / SHARES;

/** All upstreams in the order in which a key prefers them. */
export const ranked = <One extends WeightedUpstream>(upstreams: readonly One[], key: string): One[] => {
  const score = (one: One): number => one.weight / -Math.log(fraction(one.name, key));
  return upstreams
    .map((one) => ({ one, score: score(one) }))
    .sort((a, b) => b.score - a.score || (a.one.name < b.one.name ? -1 : 1))
    .map(({ one }) => one);
};

/** How much of its own an upstream takes: 0 away, from 0.1 up to 1 while it warms up, else 1. */
export const shareOf = (
  { connectedSince, returned }: UpstreamHealth,
  now: number,
  slowStart: number,
): number => {
  if (connectedSince === undefined) return 0;
  if (!returned || slowStart <= 0) return 1;
  return Math.min(1, Math.max(FIRST_SHARE, (now - connectedSince) / slowStart));
};

/**
 * The upstream for a (host, stream); undefined when all are away. One that is warming up takes the keys whose own hash is below its
 * share, so a key moves back once and for all.
 */
export const chooseUpstream = <One extends WeightedUpstream>(
  upstreams: readonly One[],
  key: string,
  healthOf: (one: One) => UpstreamHealth,
  now: number,
  slowStart: number,
): One | undefined => {
  const order = ranked(upstreams, key).filter((one) => healthOf(one).connectedSince !== undefined);
  return (
    order.find((one) => fraction('share', one.name, key) < shareOf(healthOf(one), now, slowStart)) ?? order[0]
  );
};
