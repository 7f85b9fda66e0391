/** What every role of a node is given, and what it gives. */
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';

export interface RoleDeps {
  readonly emit: Emit;
  readonly clock: Clock;
}

/** A role that runs. */
export interface Role {
  /** Drains in order; resolves when everything is closed. Whoever is in a hurry may end the process instead: it is as safe as a crash. */
  stop(): Promise<void>;
  /** Resolves, while running or after stop(), with the reason why the role cannot go on. */
  readonly failed: Promise<Error>;
}
