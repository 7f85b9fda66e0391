/**
 * The monitor: everything it knows (monitor/watch.ts), and who it listens to.
 *
 *   nodes ─▶ server ─▶ watch ◀─ Go nodes        people ◀─▶ server (API, page)
 */
import { formatAddress } from '../../config/address.ts';
import { notifiersOf } from '../../monitor/alerts/notifiers.ts';
import { listenAsMonitor } from '../../monitor/api/server.ts';
import { openUsers } from '../../monitor/api/users.ts';
import { type GoMessage, type GoListener, listenForGoNodes } from '../../monitor/nodes/go-messages.ts';
import { openSql } from '../../monitor/store/registry.ts';
import { startWatch, type Watch, type WatchOptions } from '../../monitor/watch.ts';
import { createLifecycle } from '../../telemetry/lifecycle.ts';
import { createMeter } from '../../telemetry/meter.ts';
import { rememberErrors } from '../../telemetry/recent-errors.ts';
import { NO_LAG, SHOWN, type PartStatus } from '../../telemetry/status.ts';
import { packageVersion } from '../../telemetry/version.ts';
import type { NodeConfig } from '../node-options.ts';
import type { Role, RoleDeps } from '../role.ts';
import { openTokens } from '../token.ts';
import type { MonitorConfig } from './monitor-options.ts';

/** A message of a Go node, into the tables that it shares with ours. */
const takeGoMessage = async (watch: Watch, message: GoMessage, now: number): Promise<void> => {
  const { ip, port } = message;
  if (!('req' in message)) {
    const known = watch.heartbeats.list().find((each) => each.ip === ip && each.port === port);
    const address = `${ip}:${port}`;
    watch.note({
      ...{ at: now, address, node: known?.label ?? address, role: known?.role ?? '' },
      ...{
        level: message.type.startsWith('WARN') ? 'warn' : 'error',
        event: '',
        message: message.msg,
        fields: {},
      },
    });
    return;
  }
  const { hostname, role } = message;
  if (message.req === 'unregister') await watch.nodes.unregister(ip, port);
  else await watch.nodes.register({ ip, port, role, hostname, registeredAt: now });
  void watch.heartbeats.refresh().catch(() => undefined);
  watch.changed('nodes');
};

const watchOptions = (
  options: MonitorConfig,
): Omit<WatchOptions, 'sql' | 'clock' | 'emit' | 'nodeToken' | 'notifiers'> => ({
  checkIntervalMs: options.check_interval,
  timeoutMs: options.timeout,
  misses: options.misses,
  lateAfterMs: options.late_after,
  expectWithinMs: options.expect_within,
  keepEventsMs: options.keep_events,
  zone: options.zone,
  alerts: options.alerts,
  page: options.public_url,
});

const startGo = async (
  listen: MonitorConfig['go_listen'],
  watch: Watch,
  { clock, emit }: RoleDeps,
): Promise<GoListener | undefined> => {
  if (listen === undefined) return undefined;
  return listenForGoNodes({
    listen,
    onMessage: (message) => takeGoMessage(watch, message, clock.now()),
    onFault: (address, reason) => emit('monitor.go-message-refused', { address, reason }),
  });
};

const readTokenOf = async (path: string | undefined, { emit }: RoleDeps) =>
  path === undefined ? undefined : openTokens(path, emit);

const nodePart = ({
  label,
  down,
  reason,
  role,
}: ReturnType<Watch['heartbeats']['list']>[number]): PartStatus => ({
  ...{ kind: 'node', name: label, state: down ? 'failed' : 'running', detail: reason ?? role },
});

/** Starts the monitor; rejects, with nothing left running, where its store or an address cannot be had. */
export const startMonitor = async (
  options: MonitorConfig,
  node: NodeConfig,
  given: RoleDeps,
): Promise<Role> => {
  const { clock } = given;
  const errors = rememberErrors(given);
  const deps: RoleDeps = { clock, emit: errors.emit };
  await using starting = new AsyncDisposableStack();
  const sql = starting.use(await openSql(options.store, node.state_dir));
  const nodeTokens = await readTokenOf(options.token_file, deps);
  const shown = await readTokenOf(options.node_token_file, deps);
  const notifiers = notifiersOf(options.alerts);
  const watch = starting.use(
    await startWatch({
      ...{ ...watchOptions(options), sql, notifiers, ...deps },
      nodeToken: shown === undefined ? undefined : async () => (await shown())[0],
    }),
  );
  const now = (): number => clock.now();
  const server = starting.use(
    await listenAsMonitor({
      ...{ listen: options.listen, watch, users: await openUsers(sql, now), nodeTokens, now },
      ...{ userHeader: options.user_header, isSecure: options.public_url?.startsWith('https:') ?? false },
      ...{ checkIntervalMs: options.check_interval, notifiers: notifiers.map(({ name }) => name) },
      version: packageVersion(),
    }),
  );
  const go = await startGo(options.go_listen, watch, deps);
  if (go !== undefined) starting.use(go);
  deps.emit('monitor.listening', { address: formatAddress(server.address) });
  const failed = new Promise<Error>(() => undefined);
  const lifecycle = createLifecycle(failed);
  const meter = createMeter(clock);
  const startedAt = now();
  void watch.round();
  const parts = starting.move();
  return {
    failed,
    status: () => ({
      ...{ role: 'monitor', ...lifecycle.read(), startedAt, lag: NO_LAG, throughput: meter.read() },
      ...{ openHours: [], openHourCount: 0, gauges: [], errors: errors.list() },
      parts: watch.heartbeats.list().slice(0, SHOWN).map(nodePart),
    }),
    async stop() {
      lifecycle.stopping();
      await parts.disposeAsync();
    },
  };
};
