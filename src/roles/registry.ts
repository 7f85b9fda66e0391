/**
 * The roles there are. A new one is a folder beside this file, and its name in the list.
 *
 * A node starts its roles in this order and stops them in reverse: from where packs end to where they begin.
 */
import { agentRole } from './agent/role-kind.ts';
import { monitorRole } from './monitor/role-kind.ts';
import { relayRole } from './relay/role-kind.ts';
import { sinkRole } from './sink/role-kind.ts';

export const roleKinds = {
  monitor: monitorRole,
  sink: sinkRole,
  relay: relayRole,
  agent: agentRole,
} as const;

export type RoleKinds = typeof roleKinds;
export type RoleName = keyof RoleKinds;
