/** The relay as a role: receives packs and forwards them. */
import type { RoleKind } from '../role.ts';
import { completeRelay, type RelayConfig, relayOptions } from './relay-options.ts';

export const relayRole: RoleKind<typeof relayOptions, RelayConfig> = {
  name: 'relay',
  summary: 'Receives packs and forwards them, unchanged, to sinks or further relays.',
  schema: relayOptions,
  complete: completeRelay,
  start: async (options, node, deps) => (await import('./relay.ts')).startRelay(options, node, deps),
};
