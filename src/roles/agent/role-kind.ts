/** The agent as a role: reads log files and sends them. */
import type { RoleKind } from '../role.ts';
import { type AgentConfig, agentOptions, completeAgent } from './agent-options.ts';

export const agentRole: RoleKind<typeof agentOptions, AgentConfig> = {
  name: 'agent',
  summary: 'Follows log files, cuts them into packs and sends them to a sink.',
  schema: agentOptions,
  makes: { at: ['pack'], bytes: ({ pack }) => Math.max(pack.size, pack.max_line) },
  complete: completeAgent,
  start: async (options, node, deps) => (await import('./agent.ts')).startAgent(options, node, deps),
};
