/**
 * The sink node: receive ─ verify ─ commit (store, ledger) ─ ack; beside it complete ─ prove ─ seal; after it the outputs.
 */
import { openLedger } from '../../ledger/registry.ts';
import { createReceiver } from '../../receive/receiver.ts';
import { startExpiry } from '../../seal/expiry.ts';
import { startLookOver } from '../../seal/look-over.ts';
import { resume } from '../../seal/resume.ts';
import { startRetention } from '../../seal/retention.ts';
import { createSealer } from '../../seal/sealer.ts';
import { openStore } from '../../stores/registry.ts';
import { createCommitStage } from '../../commit/commit-stage.ts';
import { limitOpenHours } from '../../commit/open-hours.ts';
import { rememberErrors } from '../../telemetry/recent-errors.ts';
import type { Answer } from '../../pack/answer.ts';
import type { Pack } from '../../pack/pack.ts';
import { packageVersion } from '../../telemetry/version.ts';
import type { Listener } from '../../transport/listen.ts';
import { listenForPacks } from '../../transport/registry.ts';
import { forAtMost } from '../deadline.ts';
import { warnOfOpenDirectory } from '../exposed.ts';
import type { NodeConfig } from '../node-options.ts';
import type { Role, RoleDeps } from '../role.ts';
import { startGoInput } from '../go-input-option.ts';
import { createRouteLatency } from '../route-latency.ts';
import { serverLimits } from '../limits-option.ts';
import { openTokens } from '../token.ts';
import { watchOpenHours } from './open-hours.ts';
import { retentionOf, type SinkConfig } from './sink-options.ts';
import { type RepullStage, startRepull } from '../../repull/repull.ts';
import { startOutputs } from '../../outputs/outputs.ts';
import { addHours } from './hours-http.ts';
import { createLedgerSide } from './ledger-side.ts';
import { configuredOutputs } from './sink-outputs.ts';
import { createSinkStatus, outputPart } from './sink-status.ts';

/** Raw bytes that are decoded and not yet written: a few packs, so that decoding runs ahead of writing. */
const DECODED_BYTES = 8 << 20;
/** Raw bytes that are decoded and not yet durable: what one group may sync, so that whoever comes next does not wait for long. */
const WRITTEN_BYTES = 64 << 20;

/** Clients may end their packs for this share of the time for a graceful stop; what they have not sent by then comes again later. */
const DRAIN_SHARE = 0.3;
/** Complete hours may be sealed for this share of it; those that are not begun by then are sealed after the next start. */
const SEAL_SHARE = 0.2;
/** Outputs may deliver what is due for this share of it; they go on from there at the next start. */
const OUTPUT_SHARE = 0.2;

/** Whom packs of the Go system come from, once they are in order. */
const GO_PEER = { node: 'go', address: 'gowire' };

/** Starts the sink part of a node. Rejects when it cannot: the configuration, the disk, or the address. */
export const startSink = async (options: SinkConfig, config: NodeConfig, deps: RoleDeps): Promise<Role> => {
  const { clock } = deps;
  const errors = rememberErrors(deps);
  const { emit } = errors;
  await using starting = new AsyncDisposableStack();
  const tokens = options.token_file === undefined ? undefined : await openTokens(options.token_file, emit);
  const ledger = starting.use(await openLedger(options.ledger, 'own'));
  const store = starting.use(await openStore(options.store, ledger.storeId()));
  if (ledger.storeId() !== store.id) ledger.setStoreId(store.id);
  if (store.directory !== undefined) await warnOfOpenDirectory(store.directory, emit);

  const outputs = starting.use(
    await startOutputs({
      outputs: configuredOutputs(options),
      ...{ stateDir: config.state_dir, ledger, store, clock, emit },
    }),
  );
  let repull: RepullStage | undefined;
  const commit = createCommitStage({
    store,
    ledger,
    clock,
    emit,
    hourBytes: options.limits.hour_bytes,
    beginHour: limitOpenHours(ledger, clock, {
      ofHost: options.limits.open_hours_per_host,
      inAll: options.limits.open_hours,
    }),
    onComplete: (key) => sealer.request(key),
    onRecorded: () => outputs.wake(),
    onReopened: (key) => outputs.reopened(key),
    onRepeated: async (pack) => repull?.repeated(pack),
  });
  const sealer = starting.use(
    createSealer({ commit, store, ledger, clock, emit, onSealed: () => outputs.wake() }),
  );
  await resume(ledger, (key) => sealer.request(key));
  starting.use(startRetention({ ...retentionOf(options), ledger, store, commit, outputs, clock, emit }));

  const { limits, listen: address, expire_after: expireAfter } = options;
  starting.use(startExpiry({ ledger, clock, emit, expireAfter }));
  const failed = ledger.ended.then((error) => error ?? new Error('The ledger was closed.'));
  const openHours = watchOpenHours(ledger, clock);
  await openHours.refresh();
  const latency = createRouteLatency(config.node, clock);
  const status = createSinkStatus({
    clock,
    failed,
    errors,
    openHours,
    limits,
    listener: () => listener,
    parts: () => [...outputs.status().map(outputPart), ...latency.parts()],
    onHeader: latency.note,
  });
  const onPack = createReceiver({
    target: status.counting(commit),
    emit,
    rawBytes: DECODED_BYTES,
    unansweredBytes: WRITTEN_BYTES,
  });
  const ofGo = (pack: Pack): Promise<Answer> => onPack(pack, GO_PEER);
  const goInput = await startGoInput(options.gowire, config.state_dir, limits.pack_bytes, ofGo, {
    clock,
    emit,
  });
  if (goInput !== undefined) starting.use(goInput);
  const listener: Listener = starting.use(
    await listenForPacks({
      address,
      node: config.node,
      ...(tokens !== undefined && { tokens }),
      software: `logd/${packageVersion()}`,
      limits: serverLimits(limits),
      clock,
      emit,
      onPack: (pack, peer) => {
        deps.tap?.offer('sink', pack);
        return onPack(pack, peer);
      },
      onLoosePack: goInput?.take,
      ledger: createLedgerSide(ledger, emit),
      onCannot: (runs) => repull?.cannot(runs),
    }),
  );
  repull = starting.use(
    startRepull({
      ...{ ledger, store, commit, clock, emit, after: options.repull_after },
      want: (runs, widely) => listener.want(runs, widely),
      requestSeal: (key) => sealer.request(key),
    }),
  );

  starting.use(startLookOver({ store, ledger, commit, emit }));
  const parts = starting.move();
  return {
    failed: goInput === undefined ? failed : Promise.race([failed, goInput.failed]),
    status: status.read,
    http: (app) => addHours(app, ledger, (key) => store.locate(key)),
    async stop() {
      status.stopping();
      await forAtMost(config.shutdown_timeout * DRAIN_SHARE, listener.drain());
      await listener[Symbol.asyncDispose]();
      await commit.idle();
      await forAtMost(config.shutdown_timeout * SEAL_SHARE, sealer.idle());
      await forAtMost(config.shutdown_timeout * OUTPUT_SHARE, outputs.idle());
      await parts.disposeAsync();
    },
  };
};
