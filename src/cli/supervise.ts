/** Runs a node until it fails or a signal ends it. */
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../error.ts';
import type { Emit } from '../telemetry/events.ts';
import { EXIT, failureExit, signalExit } from './exit-codes.ts';

/** A node that was started. */
export interface RunningNode {
  /** Drains in order; resolves when everything is closed. */
  stop(): Promise<void>;
  /** Reads again what may change while it runs. Does not reject. */
  reload?(): Promise<void>;
  /** Resolves when the node cannot go on, with the reason. */
  readonly failed: Promise<Error>;
}

export interface Supervision {
  /** The node's name. */
  readonly node: string;
  readonly emit: Emit;
  /** `process`, or what a test sends signals with. */
  readonly signals: Pick<NodeJS.EventEmitter, 'on' | 'off'>;
  /** Longest time for draining, in milliseconds. */
  readonly shutdownTimeout: number;
  /** Ends the process at once with this exit code. */
  readonly endNow: (code: number) => void;
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
type Signal = (typeof SIGNALS)[number];

/**
 * Starts a node and resolves with the exit code. The first SIGTERM or SIGINT drains it; a second one calls `endNow`, which is
 * as safe as a crash. A signal that comes while the node starts counts. SIGHUP reloads a node that runs.
 */
export const supervise = async (start: () => Promise<RunningNode>, to: Supervision): Promise<number> => {
  const first = Promise.withResolvers<Signal>();
  let seen = 0;
  const listeners = SIGNALS.map((signal) => {
    const listener = (): void => {
      seen += 1;
      if (seen === 1) first.resolve(signal);
      else to.endNow(signalExit(constants.signals[signal]));
    };
    to.signals.on(signal, listener);
    return [signal, listener] as const;
  });
  let running: RunningNode | undefined;
  const onHangUp = (): void => void running?.reload?.();
  to.signals.on('SIGHUP', onHangUp);
  try {
    const node = await start().catch((error: unknown) => {
      to.emit('node.not-started', { node: to.node, reason: messageOf(error) });
      return failureExit(error);
    });
    if (typeof node === 'number') return node;
    running = node;
    const end = await Promise.race([first.promise, node.failed]);
    if (end instanceof Error) to.emit('node.failed', { reason: messageOf(end) });
    else to.emit('node.draining', { signal: end });
    const drained = await drain(node, to);
    return drained && !(end instanceof Error) ? EXIT.ok : EXIT.failed;
  } finally {
    to.signals.off('SIGHUP', onHangUp);
    for (const [signal, listener] of listeners) to.signals.off(signal, listener);
  }
};

const drain = async (node: RunningNode, { emit, shutdownTimeout }: Supervision): Promise<boolean> => {
  const stopped = node.stop().then(
    () => true,
    (error: unknown) => {
      emit('node.failed', { reason: messageOf(error) });
      return false;
    },
  );
  const cancel = new AbortController();
  const late = sleep(shutdownTimeout, 'late' as const, { signal: cancel.signal }).catch(
    () => 'late' as const,
  );
  const result = await Promise.race([stopped, late]);
  cancel.abort();
  if (result !== 'late') return result;
  emit('node.drain-timed-out', { timeout_ms: shutdownTimeout });
  return false;
};
