/**
 * A node: the parts that are present in its configuration, started from the sink up and stopped from the agent down.
 */
import { packageVersion } from '../telemetry/version.ts';
import { startAgent } from './agent.ts';
import type { LogdConfig } from './options.ts';
import type { Role, RoleDeps } from './role.ts';
import { startSink } from './sink.ts';

/** Starts all roles of a node; rejects, with nothing left running, when one of them cannot start. */
export const startNode = async (config: LogdConfig, deps: RoleDeps): Promise<Role> => {
  const { node } = config;
  const roles: (readonly [string, Role])[] = [];
  const stopRoles = async (): Promise<void> => {
    for (const [, role] of roles.toReversed()) await role.stop();
  };
  try {
    if (config.sink !== undefined) roles.push(['sink', await startSink(config, config.sink, deps)]);
    if (config.agent !== undefined) roles.push(['agent', await startAgent(config, config.agent, deps)]);
  } catch (error) {
    await stopRoles();
    throw error;
  }
  deps.emit('node.started', {
    node,
    version: packageVersion(),
    roles: roles.map(([name]) => name).join(' and '),
  });
  return {
    async stop() {
      await stopRoles();
      deps.emit('node.stopped', { node });
    },
    failed: Promise.race(roles.map(([, role]) => role.failed)),
  };
};
