/** The monitor as a role: watches nodes and hours, and shows them. */
import type { RoleKind } from '../role.ts';
import { completeMonitor, type MonitorConfig, monitorOptions } from './monitor-options.ts';

export const monitorRole: RoleKind<typeof monitorOptions, MonitorConfig> = {
  name: 'monitor',
  summary: 'Watches nodes and hours, alerts, and serves the web page.',
  schema: monitorOptions,
  complete: completeMonitor,
  start: async (options, node, deps) => (await import('./monitor.ts')).startMonitor(options, node, deps),
};
