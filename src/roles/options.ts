/** The whole configuration of a node. The parts that are present decide its roles. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { choice, duration, path } from '../config/kind.ts';
import { group, option, rule, section } from '../config/option.ts';
import { isName } from '../pack/name.ts';
import { agentOptions, name } from './agent-options.ts';
import { sinkOptions } from './sink-options.ts';

const shape = section('A node: one running logd process.', {
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
  agent: agentOptions.optional(),
  sink: sinkOptions.optional(),
});

const withRules = rule(
  rule(shape, [], (config) =>
    config.agent === undefined && config.sink === undefined
      ? 'The node has nothing to do: add agent: or sink:, as `logd init` shows them.'
      : undefined,
  ),
  [
    ['agent', 'pack'],
    ['sink', 'limits', 'pack_bytes'],
  ],
  ({ agent, sink }) => {
    if (agent === undefined || sink === undefined) return undefined;
    const largest = Math.max(agent.pack.size, agent.pack.max_line);
    return largest <= sink.limits.pack_bytes
      ? undefined
      : 'Packs of this size or with such lines are larger than sink.limits.pack_bytes: lower them or raise the limit.';
  },
);

/** The schema of a configuration file. What its defaults derive from other options is filled in. */
export const logdOptions = withRules.transform(({ node = nodeName(), ...config }) => ({
  ...config,
  node,
  agent: config.agent && { ...config.agent, host: config.agent.host ?? node },
  sink: config.sink && {
    ...config.sink,
    ledger: { path: config.sink.ledger.path ?? join(config.state_dir, 'ledger.db') },
    markers: { dir: config.sink.markers.dir ?? join(config.state_dir, 'received') },
  },
}));

/** A checked configuration. Durations are milliseconds, sizes bytes, paths absolute. */
export type LogdConfig = z.output<typeof logdOptions>;
export type AgentConfig = NonNullable<LogdConfig['agent']>;
export type SinkConfig = NonNullable<LogdConfig['sink']>;

/** The host name made a legal name. */
const nodeName = (): string => {
  const legal = hostname()
    .replace(/[^A-Za-z0-9.-]+/g, '-')
    .replace(/\.{2,}/g, '.')
    .slice(0, 64)
    .replace(/^[.-]+|[.-]+$/g, '');
  return isName(legal) ? legal : 'node';
};
