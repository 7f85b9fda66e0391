/** The options of a monitor: where it listens, where it keeps what it knows, when something is wrong, and who is told. */
import type { z } from 'zod';
import { formatAddress, isLoopback } from '../../config/address.ts';
import { duration, integer, listenAddress, path, text, textWith } from '../../config/kind.ts';
import { option, rule, section, variants } from '../../config/option.ts';
import { alertOptions } from '../../monitor/alerts/options.ts';
import { resolveZone } from '../../pack/hour.ts';
import { sqlKinds } from '../../monitor/store/registry.ts';
import type { NodeConfig } from '../node-options.ts';

/** `monitor:`; without it the node is no monitor. */
export const monitorOptions = rule(
  section(
    'Keeps a registry of nodes, checks heartbeats, collects errors, and shows whether every hour is complete.',
    {
      listen: option(listenAddress(), {
        summary:
          'Address of the page, the API, and of nodes that report. Beyond loopback a token_file is needed.',
        default: '127.0.0.1:7669',
        example: '0.0.0.0:7669',
      }),
      token_file: option(path(), {
        summary: 'File whose first line is the token that nodes must present (report.token_file).',
        absent: 'any node that can connect may report',
        example: '/etc/logd/monitor-token',
      }),
      node_token_file: option(path(), {
        summary:
          'File whose first line is the token that the monitor presents to nodes (their http.token_file).',
        absent: 'it presents none',
        example: '/etc/logd/http-token',
      }),
      go_listen: option(listenAddress(), {
        summary:
          'Address for nodes of the Go system, which register and send errors without a token: let only their hosts reach it.',
        absent: 'no node of the Go system is expected',
        example: '0.0.0.0:7670',
      }),
      public_url: option(text(), {
        summary: 'Address under which people reach the page; it stands in alerts.',
        absent: 'alerts have no link',
        example: 'https://logd.example.com',
      }),
      user_header: option(text(), {
        summary:
          'Header in which a reverse proxy names the user it has let in. Set it only where nobody can reach the monitor past the proxy.',
        absent: 'users sign in on the page',
        example: 'X-Forwarded-User',
      }),
      check_interval: option(duration(), {
        summary: 'How often every node is asked for a heartbeat, and every sink for its hours.',
        default: '30s',
        example: '10s',
        min: '1s',
        max: '1h',
      }),
      timeout: option(duration(), {
        summary: 'How long a node may take to answer.',
        default: '10s',
        example: '3s',
        min: '100ms',
        max: '5m',
      }),
      misses: option(integer(), {
        summary: 'Heartbeats that a node must miss in a row before it counts as down.',
        default: '2',
        example: '3',
        min: '1',
        max: '100',
      }),
      late_after: option(duration(), {
        summary:
          'How long after its end an hour should be sealed. From then on it is late, or silent where nothing came.',
        default: '20m',
        example: '1h',
        max: '30d',
      }),
      expect_within: option(duration(), {
        summary:
          'A host and stream that had an hour in this time before is expected to have the next one too.',
        default: '7d',
        example: '2d',
        min: '1h',
        max: '365d',
      }),
      zone: option(textWith('time zone', resolveZone), {
        summary:
          'Time zone of the hours in the names of files, as the agents have it: an IANA name, or local for the zone of this machine. The page shows UTC.',
        default: 'local',
        example: 'Europe/Berlin',
      }),
      keep_events: option(duration(), {
        summary: 'How long warnings and errors of nodes are kept.',
        default: '30d',
        example: '90d',
        min: '1h',
      }),
      store: variants('Where the monitor keeps what it knows.', sqlKinds, 'sqlite'),
      alerts: alertOptions,
    },
  ),
  ['listen', 'token_file'],
  ({ listen, token_file }) =>
    isLoopback(listen.host) || token_file !== undefined
      ? undefined
      : `${formatAddress(listen)} can be reached from other machines, so a token_file is needed: set it, or listen on 127.0.0.1.`,
);

export type MonitorConfig = z.output<typeof monitorOptions>;

/** Nothing depends on the node. */
export const completeMonitor = (options: MonitorConfig, _node: NodeConfig): MonitorConfig => options;
