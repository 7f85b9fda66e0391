/** Events of a node as a whole: its start and stop, its settings, what it says of its own log. See events.ts. */
import type { EventSpec } from './event-spec.ts';

export const NODE_EVENTS = {
  'node.started': {
    level: 'info',
    text: 'Node {node} {version} started as {roles}',
    fields: { node: 'string', version: 'string', roles: 'string' },
  },
  'node.not-started': {
    level: 'error',
    text: 'Node {node} cannot start: {reason}',
    fields: { node: 'string', reason: 'string' },
  },
  'node.variable-unknown': { level: 'warn', text: '{reason}', fields: { reason: 'string' } },
  'node.draining': {
    level: 'info',
    text: 'Received {signal}: finishing what is under way',
    fields: { signal: 'string' },
  },
  'node.drain-timed-out': {
    level: 'warn',
    text: 'Could not finish within {timeout_ms}, so the process exits now. No data is lost: the next start recovers.',
    fields: { timeout_ms: 'number' },
  },
  'node.reloaded': {
    level: 'info',
    text: 'Received SIGHUP: {files} token files can be used and count from the next connection on. Other settings need a restart.',
    fields: { files: 'number' },
  },
  'node.stopped': { level: 'info', text: 'Node {node} stopped', fields: { node: 'string' } },
  'node.failed': {
    level: 'error',
    text: 'The node stops because of a failure: {reason}',
    fields: { reason: 'string' },
  },
  'node.token-changed': {
    level: 'info',
    text: 'The token file {path} changed. Its tokens are used from now on.',
    fields: { path: 'string' },
  },
  'node.token-kept': {
    level: 'warn',
    text: '{reason} The node keeps the tokens that it read from {path} before.',
    fields: { path: 'string', reason: 'string' },
  },
  'node.exposed': {
    level: 'warn',
    text: '{reason}',
    fields: { path: 'string', reason: 'string' },
  },
  'node.repeated': {
    level: 'warn',
    text: '{count} more times {repeated} since the last line about it. The last: {last}',
    fields: { repeated: 'string', count: 'number', last: 'string' },
  },
  'node.repeats-over': {
    level: 'info',
    text: '{repeated} came {count} times within {lasted}, and not again for a minute',
    fields: { repeated: 'string', count: 'number', lasted: 'string' },
  },
  'node.log-lost': {
    level: 'warn',
    text: '{lines} log lines could not be written: {reason}',
    fields: { lines: 'number', reason: 'string' },
  },
} as const satisfies Record<string, EventSpec>;
