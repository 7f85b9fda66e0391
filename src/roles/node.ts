/** A node: the roles that are present in its configuration, started in the order of the registry and stopped in reverse. */
import { join } from 'node:path';
import { messageOf } from '../error.ts';
import { formatAddress } from '../config/address.ts';
import { makeDirectory } from '../disk/durable-directory.ts';
import type { EventCounts } from '../http/metrics.ts';
import { type HttpServer, listenHttp } from '../http/server.ts';
import { createTap, type Tap } from '../http/tap.ts';
import { openReporter, type Reporter } from '../reporting/reporter.ts';
import { countEvents } from '../telemetry/event-counts.ts';
import type { NodeStatus } from '../telemetry/status.ts';
import { packageVersion } from '../telemetry/version.ts';
import { forAtMost } from './deadline.ts';
import type { LogdConfig } from './options.ts';
import { roleKinds } from './registry.ts';
import { openTokens, readTokens } from './token.ts';
import type { Role, RoleDeps, RoleKind } from './role.ts';

/** Beyond its roles a node waits for its monitor for at most this share of the time for a graceful stop. */
const GOODBYE_SHARE = 0.3;

/** A node that runs. */
export interface RunningRoles extends Omit<Role, 'status'> {
  status(): NodeStatus;
  /** Reads the token files again, and says what came of it. */
  reload(): Promise<void>;
}

/** Starts all roles of a node; rejects, with nothing left running, when one of them cannot start. */
export const startNode = async (config: LogdConfig, given: RoleDeps): Promise<RunningRoles> => {
  const { node } = config;
  const version = packageVersion();
  const startedAt = given.clock.now();
  const reporter = await startReporter(config, { ...given, version, startedAt });
  const { emit, counts } = countEvents(reporter?.emit ?? given.emit);
  const tap = config.http === undefined ? undefined : createTap(given.clock);
  const deps: RoleDeps = { ...given, emit, tap };
  const kinds: readonly RoleKind[] = Object.values(roleKinds);
  const roles: (readonly [string, Role])[] = [];
  const status = (): NodeStatus => ({
    ...{ node, version, startedAt, now: given.clock.now() },
    roles: roles.map(([, role]) => role.status()),
  });
  let http: HttpServer | undefined;
  const stopRoles = async (): Promise<void> => {
    // While it still answers: what comes next is no missed heartbeat. A monitor that hangs delays no role.
    const goodbye = reporter?.goodbye();
    for (const [, role] of roles.toReversed()) await role.stop();
    await forAtMost(config.shutdown_timeout * GOODBYE_SHARE, Promise.resolve(goodbye));
    await reporter?.close();
    await http?.[Symbol.asyncDispose]();
  };
  try {
    for (const kind of kinds) {
      const options = (config as Readonly<Record<string, unknown>>)[kind.name];
      if (options !== undefined) roles.push([kind.name, await kind.start(options, config, deps)]);
    }
    const running = roles.map(([, role]) => role);
    http = await startHttp(config, { ...deps, tap, status, counts, roles: running });
  } catch (error) {
    await stopRoles();
    throw error;
  }
  const names = roles.map(([name]) => name);
  if (http !== undefined) reporter?.register(names, http.address);
  deps.emit('node.started', { node, version, roles: names.join(' and ') });
  return {
    async stop() {
      await stopRoles();
      deps.emit('node.stopped', { node });
    },
    failed: Promise.race(roles.map(([, role]) => role.failed)),
    status,
    reload: () => reloadTokens(config, deps.emit),
  };
};

/** A node reads its token files at each connection: here it is said at once what they are worth. */
const reloadTokens = async (config: LogdConfig, emit: RoleDeps['emit']): Promise<void> => {
  const paths = new Set<string>();
  const collect = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value))
      if (key.endsWith('token_file') && typeof inner === 'string') paths.add(inner);
      else collect(inner);
  };
  collect(config);
  let usable = 0;
  for (const path of paths)
    await readTokens(path).then(
      () => usable++,
      (error: unknown) => emit('node.token-kept', { path, reason: messageOf(error) }),
    );
  emit('node.reloaded', { files: usable });
};

/** The listener of `http:`, where the config has it. */
const startHttp = async (
  { http }: LogdConfig,
  {
    emit,
    clock,
    status,
    counts,
    roles,
    tap,
  }: RoleDeps & {
    status(): NodeStatus;
    readonly counts: EventCounts;
    readonly roles: readonly Role[];
    readonly tap: Tap | undefined;
  },
): Promise<HttpServer | undefined> => {
  if (http === undefined) return undefined;
  const tokens = http.token_file === undefined ? undefined : await openTokens(http.token_file, emit);
  const server = await listenHttp({
    ...{ listen: http.listen, tokens, status, events: counts },
    now: () => clock.now(),
    more: (app) => {
      tap?.addRoutes(app);
      for (const role of roles) role.http?.(app);
    },
  });
  emit('http.listening', { address: formatAddress(server.address) });
  return server;
};

/** Who tells the monitor of `report:` about this node, where the config has one. */
const startReporter = async (
  { node, state_dir: stateDir, report }: LogdConfig,
  { clock, emit, version, startedAt }: RoleDeps & { readonly version: string; readonly startedAt: number },
): Promise<Reporter | undefined> => {
  if (report === undefined) return undefined;
  const tokens = report.token_file === undefined ? undefined : await openTokens(report.token_file, emit);
  await makeDirectory(stateDir, 'state_dir');
  return openReporter({
    ...{ to: report.to, file: join(stateDir, 'reports.jsonl'), node, version, startedAt, clock, emit },
    token: tokens === undefined ? undefined : async () => (await tokens())[0],
  });
};
