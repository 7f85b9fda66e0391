/**
 * What a running role says about itself: one shape for every role, so that /status, /metrics, `logd top` and the monitor show
 * roles they know nothing of.
 *
 *   NodeStatus ── roles: RoleStatus ── parts: PartStatus (a stream, a connection, an output, the next hop)
 *                                   ── openHours, gauges, errors
 *
 * Every list is bounded, whatever the load. Times are Unix milliseconds, durations seconds, sizes bytes.
 */

/** `degraded`: it works, and something needs a look (no connection, a failing output). `failed`: it cannot go on. */
export type RunState = 'starting' | 'running' | 'degraded' | 'stopping' | 'failed';

/** What is still to be done. Null where it is not known. */
export interface Lag {
  readonly bytes: number | null;
  /** Age of the oldest thing that still waits; 0 when nothing does. */
  readonly seconds: number | null;
}

/** Work done since the start, and each second over the last ten. */
export interface Throughput {
  readonly packs: number;
  readonly lines: number;
  /** Raw bytes: as the source has them. */
  readonly bytes: number;
  readonly packsPerSecond: number;
  readonly linesPerSecond: number;
  readonly bytesPerSecond: number;
}

/** An hour that is not sealed yet, as far as this role has to do with it. */
export interface OpenHour {
  readonly host: string;
  readonly stream: string;
  readonly hour: string;
  readonly packs: number;
  readonly bytes: number;
  /** When its last pack was cut or recorded. */
  readonly changedAt: number;
}

/** A part of a role that can lag or fail by itself. */
export interface PartStatus {
  /** `stream`, `connection`, `output`, `next-hop`, …: what a table of parts is grouped by. */
  readonly kind: string;
  readonly name: string;
  readonly state: RunState;
  /** More about the state, in one sentence: an address, or why it is degraded. */
  readonly detail?: string;
  readonly lag?: Lag;
  /** Of a part that moves lines itself. */
  readonly throughput?: Throughput;
}

/** A number that belongs to this role alone, such as the bytes in flight. */
export interface Gauge {
  /** Lower case with underscores and its unit at the end, as metrics have it: `window_bytes`. */
  readonly name: string;
  readonly help: string;
  readonly value: number;
  /** The largest value that the configuration allows. */
  readonly limit?: number;
}

/** A warning or an error that was logged. */
export interface RecentError {
  readonly at: number;
  readonly level: 'warn' | 'error';
  /** Name of the event: `send.disconnected`. */
  readonly event: string;
  /** The sentence of the log line. */
  readonly text: string;
}

export interface RoleStatus {
  /** Name of the role, as the configuration has it. */
  readonly role: string;
  /** The host whose lines it ships, of an agent. */
  readonly host?: string;
  readonly state: RunState;
  /** Why the state is degraded or failed, in one sentence. */
  readonly reason?: string;
  readonly startedAt: number;
  readonly lag: Lag;
  readonly throughput: Throughput;
  /** The oldest first, at most {@link SHOWN}. */
  readonly openHours: readonly OpenHour[];
  /** How many hours are open, also those that the list has no room for. */
  readonly openHourCount: number;
  /** At most {@link SHOWN} of each kind. */
  readonly parts: readonly PartStatus[];
  readonly gauges: readonly Gauge[];
  /** The last first. */
  readonly errors: readonly RecentError[];
}

/** One running process. */
export interface NodeStatus {
  readonly node: string;
  readonly version: string;
  readonly startedAt: number;
  /** What its clock says at this moment: whoever asks sees how wrong one of the two clocks is. */
  readonly now: number;
  readonly roles: readonly RoleStatus[];
}

/** Most entries in a list of a status. */
export const SHOWN = 100;

/** Nothing is waiting. */
export const NO_LAG: Lag = { bytes: 0, seconds: 0 };
