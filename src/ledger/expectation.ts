/**
 * Which hosts and streams must have an hour. What is not there has no row in the ledger, so this is the rule that tells a host that is
 * silent from one that never was.
 *
 *                 first hour                          retired
 *   ── not expected ──┤── expected, as long as one of ────┤── not expected, until it sends again
 *                     │   the hours within `within`       │
 *                     │   before is there                 │
 *   `logd expect add`: expected from that hour on, whatever has come, until it is retired
 */
import type { SegmentFilter, SegmentState } from './ledger.ts';

/** What somebody said of a host and stream. Labels of hours or days. */
export interface Expectation {
  readonly stream: string;
  readonly host: string;
  /** Added: expected from this hour on. */
  readonly since?: string | undefined;
  /** Retired: not expected from this hour on. One of the two. */
  readonly retired?: string | undefined;
}

/** Hours that a host and stream has, with their states. */
export interface Presence {
  readonly stream: string;
  readonly host: string;
  readonly hours: readonly {
    readonly hour: string;
    readonly state: SegmentState;
    readonly lastArrival: number;
    /** Of the agent's zone; undefined until the hour has ended. */
    readonly hoursInDay?: number;
  }[];
}

export interface Expectations {
  /** All that somebody added or retired, in order of stream and host. */
  expectations(): Promise<Expectation[]>;
  /** Keeps one; it takes the place of what was said of that host and stream before. */
  expect(expectation: Expectation): Promise<void>;
  /** The hours `from` to `to` (labels, both included; days among them) of each host and stream that has any, by index. */
  presence(filter: Pick<SegmentFilter, 'host' | 'stream'>, from: string, to: string): Promise<Presence[]>;
}

/** An expectation in numbers: hours since 1970. */
export interface ExpectedHours {
  readonly since?: number | undefined;
  readonly retired?: number | undefined;
}

/** `lastSeen`: the last hour before `index` that is there, -Infinity for none. All are hours since 1970; `within` is hours. */
export const isExpected = (
  index: number,
  lastSeen: number,
  within: number,
  { since = Infinity, retired = -Infinity }: ExpectedHours = {},
): boolean => {
  if (index >= since) return true;
  if (index >= retired && lastSeen < retired) return false;
  return index - lastSeen <= within;
};
