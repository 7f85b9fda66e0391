/** The options that every node has, whatever its roles. */
import { hostname } from 'node:os';
import type { z } from 'zod';
import { choice, duration, path } from '../config/kind.ts';
import { group, option, section } from '../config/option.ts';
import { httpOptions } from '../http/options.ts';
import { isName } from '../pack/name.ts';
import { reportOptions } from '../reporting/options.ts';
import { name } from './name-option.ts';

export const nodeShape = {
  node: option(name(), {
    summary: 'Name of this node, as its peers and its log lines have it.',
    absent: 'the host name, with what a name may not hold replaced by -',
    example: 'web1',
  }),
  state_dir: option(path(), {
    summary: 'Directory for what must survive a restart.',
    default: '/var/lib/logd',
    example: '/srv/logd',
  }),
  log: group('What the node says about itself, on standard error.', {
    level: option(choice('debug', 'info', 'warn', 'error'), {
      summary: 'The least important level that is shown.',
      default: 'info',
      example: 'debug',
    }),
    format: option(choice('auto', 'json', 'text'), {
      summary: 'JSON lines, or text for people; auto is text on a terminal, else json.',
      default: 'auto',
      example: 'json',
    }),
  }),
  shutdown_timeout: option(duration(), {
    summary:
      'How long a graceful stop may take before the node ends as it is; the next start goes on from there.',
    default: '10s',
    example: '30s',
    max: '1h',
  }),
  http: httpOptions.optional(),
  report: reportOptions.optional(),
};

const nodeSection = section('A node: one running logd process.', nodeShape);

/** What a role may know of its node. Durations are milliseconds, paths absolute. */
export type NodeConfig = Omit<z.output<typeof nodeSection>, 'node'> & { readonly node: string };

/** The host name made a legal name. A `_` becomes `-` though names may hold it: nodes that are called so already must keep their name. */
export const defaultNodeName = (): string => {
  const legal = hostname()
    .replace(/[^A-Za-z0-9.-]+/g, '-')
    .replace(/\.{2,}/g, '.')
    .slice(0, 64)
    .replace(/^[.-]+|[.-]+$/g, '');
  return isName(legal) ? legal : 'node';
};
