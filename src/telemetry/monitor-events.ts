/** What a monitor reports, and a node of its monitor: a part of the list in events.ts. */
import type { EventSpec } from './event-spec.ts';

export const MONITOR_EVENTS = {
  'report.away': {
    level: 'warn',
    text: 'The monitor {monitor} cannot be told about this node: {reason}. Warnings and errors wait, and it is tried again; shipping goes on.',
    fields: { monitor: 'string', reason: 'string' },
  },
  'report.back': {
    level: 'info',
    text: 'The monitor {monitor} answers again',
    fields: { monitor: 'string' },
  },
  'monitor.listening': {
    level: 'info',
    text: 'The monitor listens on {address}: open http://{address}/ in a browser',
    fields: { address: 'string' },
  },
  'monitor.node-silent': {
    level: 'warn',
    text: 'Node {node} at {address} does not answer: {reason}',
    fields: { node: 'string', address: 'string', since: 'number', reason: 'string' },
  },
  'monitor.node-back': {
    level: 'info',
    text: 'Node {node} at {address} answers again, after {seconds} s',
    fields: { node: 'string', address: 'string', seconds: 'number' },
  },
  'monitor.store-away': {
    level: 'warn',
    text: "The monitor's database does not answer: {reason} Nodes are asked all the same; what they say is kept once it is back.",
    fields: { reason: 'string' },
  },
  'monitor.alert': { level: 'warn', text: 'Alert: {alert}', fields: { alert: 'string' } },
  'monitor.alert-resolved': { level: 'info', text: 'Resolved: {alert}', fields: { alert: 'string' } },
  'monitor.alert-not-sent': {
    level: 'warn',
    text: 'An alert could not be sent by {notifier}: {reason} It is tried again by itself.',
    fields: { notifier: 'string', reason: 'string' },
  },
  'monitor.go-message-refused': {
    level: 'warn',
    text: 'What {address} sent as a node of the Go system is refused: {reason}',
    fields: { address: 'string', reason: 'string' },
  },
} as const satisfies Record<string, EventSpec>;
