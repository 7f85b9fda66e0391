/** A node: the roles that are present in its configuration, started in the order of the registry and stopped in reverse. */
import { formatAddress } from '../config/address.ts';
import type { EventCounts } from '../http/metrics.ts';
import { listenHttp } from '../http/server.ts';
import { countEvents } from '../telemetry/event-counts.ts';
import type { NodeStatus } from '../telemetry/status.ts';
import { packageVersion } from '../telemetry/version.ts';
import type { LogdConfig } from './options.ts';
import { roleKinds } from './registry.ts';
import { openTokens } from './token.ts';
import type { Role, RoleDeps, RoleKind } from './role.ts';

/** A node that runs. */
export interface RunningRoles extends Omit<Role, 'status'> {
  status(): NodeStatus;
}

/** Starts all roles of a node; rejects, with nothing left running, when one of them cannot start. */
export const startNode = async (config: LogdConfig, given: RoleDeps): Promise<RunningRoles> => {
  const { node } = config;
  const { emit, counts } = countEvents(given.emit);
  const deps: RoleDeps = { ...given, emit };
  const version = packageVersion();
  const startedAt = deps.clock.now();
  const kinds: readonly RoleKind[] = Object.values(roleKinds);
  const roles: (readonly [string, Role])[] = [];
  const status = (): NodeStatus => ({
    ...{ node, version, startedAt },
    roles: roles.map(([, role]) => role.status()),
  });
  let http: AsyncDisposable | undefined;
  const stopRoles = async (): Promise<void> => {
    for (const [, role] of roles.toReversed()) await role.stop();
    await http?.[Symbol.asyncDispose]();
  };
  try {
    for (const kind of kinds) {
      const options = (config as Readonly<Record<string, unknown>>)[kind.name];
      if (options !== undefined) roles.push([kind.name, await kind.start(options, config, deps)]);
    }
    http = await startHttp(config, { ...deps, status, counts });
  } catch (error) {
    await stopRoles();
    throw error;
  }
  deps.emit('node.started', { node, version, roles: roles.map(([name]) => name).join(' and ') });
  return {
    async stop() {
      await stopRoles();
      deps.emit('node.stopped', { node });
    },
    failed: Promise.race(roles.map(([, role]) => role.failed)),
    status,
  };
};

/** The listener of `http:`, where the config has it. */
const startHttp = async (
  { http }: LogdConfig,
  { emit, clock, status, counts }: RoleDeps & { status(): NodeStatus; readonly counts: EventCounts },
): Promise<AsyncDisposable | undefined> => {
  if (http === undefined) return undefined;
  const tokens = http.token_file === undefined ? undefined : await openTokens(http.token_file, emit);
  const server = await listenHttp({
    ...{ listen: http.listen, tokens, status, events: counts },
    now: () => clock.now(),
  });
  emit('http.listening', { address: formatAddress(server.address) });
  return server;
};
