/**
 * The relay: receive ─ forward ─ ack when the next hop has acked; else spool ─ ack when durable ─ drain.
 */
import type { Answer } from '../../pack/answer.ts';
import type { Pack } from '../../pack/pack.ts';
import { createForwarder, type ForwarderStatus } from '../../spool/forwarder.ts';
import { openSpool, type SpoolStatus } from '../../spool/spool.ts';
import { lockDirectory } from '../../disk/directory-lock.ts';
import { createMeter } from '../../telemetry/meter.ts';
import { rememberErrors } from '../../telemetry/recent-errors.ts';
import { type Gauge, type Lag, NO_LAG, type RoleStatus } from '../../telemetry/status.ts';
import { packageVersion } from '../../telemetry/version.ts';
import type { Listener } from '../../transport/listen.ts';
import { listenForPacks } from '../../transport/registry.ts';
import type { WantedRun } from '../../transport/transport.ts';
import { forAtMost } from '../deadline.ts';
import { startGoInput } from '../go-input-option.ts';
import { createRouteLatency } from '../route-latency.ts';
import { serverLimits } from '../limits-option.ts';
import type { NodeConfig } from '../node-options.ts';
import type { Role, RoleDeps } from '../role.ts';
import { openTokens, type ReadTokens } from '../token.ts';
import { createUpstreamSender } from '../upstream-sender.ts';
import { watchUpstreams } from '../upstream-watch.ts';
import { createLedgerBehind } from './ledger-behind.ts';
import type { RelayConfig } from './relay-options.ts';

/** What the next hop found damaged so many times was damaged before it came to us: its sender must send it again. */
const DAMAGED_TRIES = 5;
/** Senders may end their packs for this share of the time for a graceful stop. */
const DRAIN_SHARE = 0.3;

const stateOf = (trouble: string | undefined): Pick<RoleStatus, 'state' | 'reason'> =>
  trouble === undefined ? { state: 'running' } : { state: 'degraded', reason: trouble };

const spoolTrouble = ({ full }: SpoolStatus): string | undefined =>
  full && `The spool takes no packs (no room: ${full}): senders wait, and keep theirs.`;

const lagOf = ({ bytes, oldest }: SpoolStatus, now: number): Lag =>
  oldest === undefined ? NO_LAG : { bytes, seconds: Math.max(0, (now - oldest) / 1000) };

const gaugesOf = (spool: SpoolStatus, { spooled, refused }: ForwarderStatus): Gauge[] => [
  { name: 'spool_packs', help: 'Packs that wait on disk', value: spool.packs },
  { name: 'spool_bytes', help: 'Bytes of the spool on disk', value: spool.bytes, limit: spool.limit },
  { name: 'spooled_packs', help: 'Packs that went through the spool since the start', value: spooled },
  { name: 'refused_packs', help: 'Packs that the next hop refused for good since the start', value: refused },
];

/** Starts the relay part of a node. Rejects when it cannot: the configuration, the disk, or the address. */
export const startRelay = async (options: RelayConfig, config: NodeConfig, deps: RoleDeps): Promise<Role> => {
  const { clock } = deps;
  const errors = rememberErrors(deps);
  const upstreams = watchUpstreams(
    options.send_to.map(({ name }) => name),
    errors.emit,
  );
  const { emit } = upstreams;
  const startedAt = clock.now();
  const meter = createMeter(clock);
  const latency = createRouteLatency(config.node, clock);
  const { node } = config;
  await using starting = new AsyncDisposableStack();
  const tokensOf = async (path: string | undefined): Promise<ReadTokens | undefined> =>
    path === undefined ? undefined : openTokens(path, emit);
  const tokens = await tokensOf(options.token_file);
  const sendTokens = await tokensOf(options.send_token_file ?? options.token_file);

  const { dir, size, max_age: age } = options.spool;
  const spool = starting.use(await openSpool({ dir, bytes: size, age, clock, emit }));
  starting.use(lockDirectory(dir, '.relay-lock', 'spools into'));
  const { send_to: to, retry, slow_start: slowStart, patience, memory } = options;
  const ledger = createLedgerBehind();
  const sending = {
    ...{ node, to, tokens: sendTokens, retry, slowStart, damagedTries: DAMAGED_TRIES },
    onUpstream: ledger.connected,
    onWant: (runs: readonly WantedRun[]) => void listener?.want(runs),
  };
  let listener: Listener | undefined;
  const sender = createUpstreamSender(sending, { clock, emit });
  const forwarder = createForwarder({
    node,
    spool,
    spoolDir: dir,
    next: sender,
    patience,
    memory,
    clock,
    emit,
  });
  starting.use(forwarder);
  starting.use(sender);

  const counted = async (pack: Pack): Promise<Answer> => {
    const { lines, bytes } = pack.header;
    deps.tap?.offer('relay', pack);
    latency.note(pack.header);
    const answer = await forwarder.put(pack);
    if (answer.kind === 'ack') meter.count({ lines, bytes });
    return answer;
  };
  const goInput = await startGoInput(options.gowire, config.state_dir, options.limits.pack_bytes, counted, {
    clock,
    emit,
  });
  if (goInput !== undefined) starting.use(goInput);
  const server = (listener = starting.use(
    await listenForPacks({
      ...{ address: options.listen, node, software: `logd/${packageVersion()}` },
      ...(tokens !== undefined && { tokens }),
      limits: serverLimits(options.limits),
      ...{ clock, emit, onPack: counted, onLoosePack: goInput?.take, ledger },
      onCannot: ledger.cannot,
    }),
  ));

  const parts = starting.move();
  return {
    failed: goInput === undefined ? forwarder.failed : Promise.race([forwarder.failed, goInput.failed]),
    status: () => ({
      ...{
        role: 'relay',
        ...stateOf(upstreams.trouble() ?? spoolTrouble(spool.status())),
        startedAt,
        throughput: meter.read(),
      },
      lag: lagOf(spool.status(), clock.now()),
      ...{
        openHours: [],
        openHourCount: 0,
        parts: [...upstreams.parts(), ...latency.parts()],
        errors: errors.list(),
      },
      gauges: gaugesOf(spool.status(), forwarder.status()),
    }),
    async stop() {
      await forAtMost(config.shutdown_timeout * DRAIN_SHARE, server.drain());
      await server[Symbol.asyncDispose]();
      await parts.disposeAsync();
    },
  };
};
