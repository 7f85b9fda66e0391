/**
 * The agent: file ─ tail ─ cut into packs ─ compress ─ send.
 */
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { bufferPool } from '../../cut/buffer-pool.ts';
import { bytesToSee } from '../../cut/pack-end.ts';
import { releaseStaleHolds } from '../../track/release-stale-holds.ts';
import { openMarks } from '../../marks/marks.ts';
import { createSourceFiles } from '../../track/source-files.ts';
import { createRepullAnswers } from '../../cut/repull.ts';
import { createSendAgain } from '../../cut/send-again.ts';
import { startVerifier } from '../../cut/verify.ts';
import type { Upstream } from '../../transport/transport.ts';
import { followStream, type StreamView } from '../../cut/stream.ts';
import { messageOf } from '../../error.ts';
import { byteBudget } from '../../pack/byte-budget.ts';
import { createEncoder } from '../../pack/encoder.ts';
import { descriptorLimit } from '../../disk/descriptors.ts';
import { makeDirectory } from '../../disk/durable-directory.ts';
import { lockDirectory } from '../../disk/directory-lock.ts';
import { openHolds } from '../../tail/hold.ts';
import { rememberErrors } from '../../telemetry/recent-errors.ts';
import { forAtMost } from '../deadline.ts';
import type { NodeConfig } from '../node-options.ts';
import type { Role, RoleDeps } from '../role.ts';
import { openTokens } from '../token.ts';
import { createUpstreamSender } from '../upstream-sender.ts';
import { watchUpstreams } from '../upstream-watch.ts';
import { createAgentStatus } from './agent-status.ts';
import type { AgentConfig } from './agent-options.ts';

/** While there is a connection, what is in flight may still be acked for this share of the time for a graceful stop. */
const ACK_SHARE = 0.5;

/** One warning for each directory: what keeps one file from being linked usually keeps all of them. */
const warnOncePerDirectory = (emit: RoleDeps['emit']): ((path: string) => void) => {
  const warned = new Set<string>();
  return (path) => {
    if (warned.has(dirname(path))) return;
    warned.add(dirname(path));
    emit('tail.not-linked', { path });
  };
};

/** One warning: where there are too few descriptors for one file, there are for many. */
const warnOnce = (emit: RoleDeps['emit']): ((path: string) => void) => {
  let isWarned = false;
  return (path) => {
    if (!isWarned) emit('tail.not-kept', { path, limit: descriptorLimit() });
    isWarned = true;
  };
};

/** Starts the agent part of a node. Rejects when it cannot: the configuration or the state directory. */
export const startAgent = async (options: AgentConfig, config: NodeConfig, deps: RoleDeps): Promise<Role> => {
  const { clock } = deps;
  const { host, pack } = options;
  const errors = rememberErrors(deps);
  const upstreams = watchUpstreams(
    options.send_to.map(({ name }) => name),
    errors.emit,
  );
  const { emit } = upstreams;
  const failed = Promise.withResolvers<Error>();
  const fail = (error: unknown): void =>
    failed.resolve(error instanceof Error ? error : new Error(messageOf(error)));
  await using starting = new AsyncDisposableStack();

  const tokens = options.token_file === undefined ? undefined : await openTokens(options.token_file, emit);
  const held = join(config.state_dir, 'held');
  await makeDirectory(held, 'state_dir', 0o750);
  // Two agents on one state directory would cut the same files, and let go of each other's links.
  starting.use(lockDirectory(config.state_dir, '.agent-lock', 'keeps its marks in'));
  const marks = starting.use(await openMarks(config.state_dir, host));
  const holds = await openHolds(held);
  await releaseStaleHolds(marks, holds);
  const files = starting.use(
    createSourceFiles(holds, { onUnlinked: warnOncePerDirectory(emit), onNotKept: warnOnce(emit) }),
  );

  const buffers = bufferPool(bytesToSee({ packBytes: pack.size, maxLine: pack.max_line }));
  const limit = Math.max(options.window, buffers.size);
  const budget = byteBudget(limit);
  const { send_to: to, retry, slow_start: slowStart } = options;
  const reading = new AbortController();
  const views = new Map<string, StreamView>();
  const opened = Promise.withResolvers<void>();
  const again = starting.use(
    createSendAgain({
      ...{ host, marks, clock, emit, streams: views, opened: opened.promise, onFatal: fail },
      signal: reading.signal,
      ...{ isOnly: to.length === 1, keep: options.keep_cuts },
    }),
  );
  const verifier =
    options.verify.mode === 'off'
      ? undefined
      : starting.use(
          startVerifier({
            ...{ host, marks, clock, emit, streams: views, onFatal: fail, signal: reading.signal },
            ...{ rate: options.verify.rate, after: options.verify.after },
          }),
        );
  const onUpstream = (upstream: Upstream): void => {
    again.connected(upstream);
    verifier?.connected(upstream);
  };
  const onWant = createRepullAnswers({
    ...{ host, streams: views, opened: opened.promise, emit, signal: reading.signal, onFatal: fail },
  });
  const sending = { node: config.node, to, tokens, retry, slowStart, onUpstream, onWant };
  const sender = starting.use(createUpstreamSender(sending, { clock, emit }));

  const status = createAgentStatus({
    ...{ host, clock, failed: failed.promise, errors, upstreams, streams: Object.keys(options.streams) },
    window: () => ({ used: budget.used, limit }),
  });
  const shared = {
    host,
    pack,
    pollInterval: options.poll_interval,
    marks,
    holds,
    files,
    budget,
    buffers,
    encode: createEncoder(pack.level, availableParallelism() + 1),
    sender: status.counting({
      send: (pack) => {
        deps.tap?.offer('agent', pack);
        return sender.send(pack);
      },
    }),
    keptAt: () => (options.keep_cuts > 0 ? clock.now() : undefined),
    clock,
    emit,
  };
  const onOpened = (stream: string, view: StreamView): void => {
    status.opened(stream, view);
    views.set(stream, view);
    if (views.size === Object.keys(options.streams).length) opened.resolve();
  };
  const streams = Object.entries(options.streams).map(([stream, source]) =>
    followStream(
      { ...shared, stream, source, onOpened: (view) => onOpened(stream, view), onFatal: fail },
      reading.signal,
    ).catch(fail),
  );
  void marks.ended.then((error) => error && fail(error));

  const parts = starting.move();
  return {
    failed: failed.promise,
    status: status.read,
    async stop() {
      status.stopping();
      reading.abort();
      await Promise.all(streams);
      await forAtMost(config.shutdown_timeout * ACK_SHARE, sender.drain());
      await parts.disposeAsync();
    },
  };
};
