/** A node: the roles that are present in its configuration, started in the order of the registry and stopped in reverse. */
import type { NodeStatus } from '../telemetry/status.ts';
import { packageVersion } from '../telemetry/version.ts';
import type { LogdConfig } from './options.ts';
import { roleKinds } from './registry.ts';
import type { Role, RoleDeps, RoleKind } from './role.ts';

/** A node that runs. */
export interface RunningRoles extends Omit<Role, 'status'> {
  status(): NodeStatus;
}

/** Starts all roles of a node; rejects, with nothing left running, when one of them cannot start. */
export const startNode = async (config: LogdConfig, deps: RoleDeps): Promise<RunningRoles> => {
  const { node } = config;
  const startedAt = deps.clock.now();
  const kinds: readonly RoleKind[] = Object.values(roleKinds);
  const roles: (readonly [string, Role])[] = [];
  const stopRoles = async (): Promise<void> => {
    for (const [, role] of roles.toReversed()) await role.stop();
  };
  try {
    for (const kind of kinds) {
      const options = (config as Readonly<Record<string, unknown>>)[kind.name];
      if (options !== undefined) roles.push([kind.name, await kind.start(options, config, deps)]);
    }
  } catch (error) {
    await stopRoles();
    throw error;
  }
  const version = packageVersion();
  deps.emit('node.started', { node, version, roles: roles.map(([name]) => name).join(' and ') });
  return {
    async stop() {
      await stopRoles();
      deps.emit('node.stopped', { node });
    },
    failed: Promise.race(roles.map(([, role]) => role.failed)),
    status: () => ({ node, version, startedAt, roles: roles.map(([, role]) => role.status()) }),
  };
};
