/**
 * The contract of roles: what a node can be. A role is a folder beside this file that exports a {@link RoleKind}, and a line in
 * registry.ts. It sees its options, what all nodes have, and this contract; of the other roles it knows nothing.
 *
 *   config ─▶ complete() ─▶ start() ─▶ runs ─▶ stop(): drains in order
 *                                       ├ status(): at any time
 *                                       └ failed: it cannot go on
 */
import type { FastifyInstance } from 'fastify';
import type { z } from 'zod';
import type { TapPoint } from '../http/tap.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import type { RoleStatus } from '../telemetry/status.ts';
import type { NodeConfig } from './node-options.ts';

export interface RoleDeps {
  readonly emit: Emit;
  readonly clock: Clock;
  /** Where a role shows the packs that pass it; absent where nobody can look. */
  readonly tap?: TapPoint | undefined;
}

/** A role that runs. */
export interface Role {
  /** Drains in order; resolves when everything is closed. Whoever is in a hurry may end the process instead: it is as safe as a crash. */
  stop(): Promise<void>;
  /** Resolves, while running or after stop(), with the reason why the role cannot go on. */
  readonly failed: Promise<Error>;
  /** What `/status`, `/metrics`, `logd top` and the monitor show. Cheap and synchronous: it reads memory, never a disk. */
  status(): RoleStatus;
  /** Routes that this role adds to the node's own HTTP listener. They must not slow the data path. */
  http?(app: FastifyInstance): void;
}

/** How large the packs are that a role makes or takes, read from its options. */
export interface PackSize<Options> {
  /** The option or the section, below the role's own, that says so. */
  readonly at: readonly string[];
  bytes(options: Options): number;
}

/** One kind of role. `Options` is what its section of the config comes to, all defaults filled in. */
export interface RoleKind<Schema extends z.ZodObject = z.ZodObject, Options = unknown> {
  /** The key in the config whose presence makes a node play this role. */
  readonly name: string;
  /** What the role does, in one sentence. */
  readonly summary: string;
  readonly schema: Schema;
  /** Roles of one node fit each other: the largest pack that one of them makes is no larger than what another one takes. */
  readonly makes?: PackSize<z.output<Schema>>;
  readonly takes?: PackSize<z.output<Schema>>;
  /** Fills in the defaults that depend on the node: its name, its state directory. */
  complete(options: z.output<Schema>, node: NodeConfig): Options;
  /** Rejects, with nothing left running, when the role cannot start: its options, a directory, an address. Imports the role's code itself. */
  start(options: Options, node: NodeConfig, deps: RoleDeps): Promise<Role>;
}
