/**
 * What a relay does with a pack: hands it to the next hop, and to the spool when that takes too long.
 *
 *   put ─┬─ spool empty, next hop there, room in memory ─▶ send ─┬─ answered in time ─▶ that answer goes back
 *        │                                                       └─ `patience` is over ─┐
 *        └─ else ───────────────────────────────────────────────▶ spool.append ◀────────┘ ─▶ ack, it is durable here
 *
 *   drain: spool.next ─▶ send ─┬─ ack ─▶ done
 *                              └─ refused for good ─▶ refused/ (durable) ─▶ done; shown, and sent again by hand
 *
 * Invariants: an ack means that the next hop acknowledged the pack or that it is durable in the spool. A refusal travels back only while
 * we have not acknowledged. The body is never decoded. Memory: `memory` bytes of packs on their way, and as many for the drain.
 */
import { messageOf } from '../error.ts';
import type { Answer } from '../pack/answer.ts';
import { byteBudget } from '../pack/byte-budget.ts';
import { free } from '../pack/codec.ts';
import { MOST_HOPS, type Pack } from '../pack/pack.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import { createRefusals } from './refusals.ts';
import type { Spool, SpoolTicket } from './spool.ts';
import { createTakeover } from './takeover.ts';

export interface NextHop {
  /** As a Sender: resolves with an ack or a refusal for good, or with what the receiver found damaged again and again. */
  send(pack: Pack): Promise<Answer>;
  readonly connected: boolean;
}

export interface ForwarderOptions {
  readonly node: string;
  readonly spool: Spool;
  readonly spoolDir: string;
  readonly next: NextHop;
  /** Milliseconds that a pack may wait for the next hop before it goes to the spool. */
  readonly patience: number;
  /** Bytes of bodies on their way from memory, and as many from the spool. */
  readonly memory: number;
  readonly clock: Clock;
  readonly emit: Emit;
}

export interface ForwarderStatus {
  readonly forwarded: number;
  readonly spooled: number;
  readonly refused: number;
}

export interface Forwarder extends AsyncDisposable {
  put(pack: Pack): Promise<Answer>;
  status(): ForwarderStatus;
  /** Resolves when the loops have ended with an error that they cannot get over. */
  readonly failed: Promise<Error>;
}

const ACK: Answer = { kind: 'ack' };

const storageNack = (error: unknown): Answer => ({
  ...{ kind: 'nack', code: 'storage', message: messageOf(error), retryable: true },
});

/** Why a relay of that name may not pass the pack on. */
const findLoop = ({ header: { route = [] } }: Pack, node: string): Answer | undefined => {
  const loops = route.some((hop) => hop.node === node);
  if (!loops && route.length < MOST_HOPS) return undefined;
  const message = loops
    ? `The pack comes to ${node} a second time: relays send in a circle.`
    : `More than ${MOST_HOPS} relays.`;
  return { kind: 'nack', code: 'invalid', message, retryable: false };
};

/** Resolves with `late` where nothing has come of the answer within so many milliseconds. */
const within = async (answer: Promise<Answer>, ms: number): Promise<Answer | 'late'> => {
  const late = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => late.resolve('late'), ms);
  const first = await Promise.race([answer, late.promise]).catch(storageNack);
  clearTimeout(timer);
  return first;
};

export const createForwarder = (options: ForwarderOptions): Forwarder => {
  const { node, spool, spoolDir, next, patience, clock, emit } = options;
  const direct = byteBudget(options.memory);
  const draining = byteBudget(options.memory);
  const stop = new AbortController();
  const failed = Promise.withResolvers<Error>();
  const takeover = createTakeover(spool, spoolDir, clock, emit);
  const refusals = createRefusals(spoolDir, emit);
  const counts = { forwarded: 0, refused: 0 };

  const fail = (error: unknown): void => {
    if (stop.signal.aborted) return;
    failed.resolve(error instanceof Error ? error : new Error(messageOf(error)));
  };

  const sendOn = ({ header, body }: Pack, received: number): Promise<Answer> => {
    const hop = { node, received, sent: clock.now() };
    return next.send({ header: { ...header, route: [...(header.route ?? []), hop] }, body });
  };

  /** The next hop has answered for a pack that we had acknowledged. */
  const settle = async (pack: Pack, ticket: SpoolTicket, spooled: number, answer: Answer): Promise<void> => {
    if (answer.kind === 'ack') counts.forwarded++;
    else {
      counts.refused++;
      await refusals.keep(pack, answer, spooled);
    }
    takeover.done(ticket);
  };

  /** The first answer that may go back: the next hop's, or ours once the pack is durable here. */
  const sendDirectly = async (pack: Pack, received: number, release: () => void): Promise<Answer> => {
    let settled = false;
    const answer = sendOn(pack, received);
    const ended = answer.then(
      () => (settled = true),
      () => undefined,
    );
    const first = await within(answer, patience);
    if (first !== 'late') {
      if (first.kind === 'ack') counts.forwarded++;
      release();
      free(pack.body);
      return first;
    }
    const spooled = takeover.take(pack, () => !settled);
    void Promise.allSettled([spooled, ended]).then(async ([kept]) => {
      release();
      if (kept.status === 'fulfilled') {
        takeover.arrived(kept.value);
        // Unanswered only when we stop: the pack stays in the spool for the next start.
        if (settled) await settle(pack, kept.value, received, await answer).catch(fail);
      } else if (settled) counts.forwarded++;
      free(pack.body);
    });
    const durable = spooled.then((): Answer => ACK);
    return Promise.any([durable, answer]).catch(() => durable.catch(storageNack));
  };

  const put = async (pack: Pack): Promise<Answer> => {
    const no = findLoop(pack, node);
    if (no !== undefined) return no;
    const received = clock.now();
    const isOpen = next.connected && spool.status().packs === 0;
    const lease = isOpen ? direct.acquireNow(pack.body.length) : undefined;
    if (lease !== undefined) return sendDirectly(pack, received, () => lease.release());
    return takeover.take(pack).then(() => {
      free(pack.body);
      return ACK;
    }, storageNack);
  };

  const drain = async (): Promise<void> => {
    for (;;) {
      const { pack, ticket, spooled } = await spool.next(stop.signal);
      if (takeover.isOnItsWay(ticket)) continue;
      const lease = await draining.acquire(pack.body.length, stop.signal);
      sendOn(pack, spooled)
        .then((answer) => settle(pack, ticket, spooled, answer).catch(fail))
        .catch(() => undefined)
        .finally(() => {
          lease.release();
          free(pack.body);
        });
    }
  };

  const drained = drain().catch(fail);
  void refusals.retry(sendOn, stop.signal).catch(fail);
  return {
    put,
    status: () => ({ ...counts, spooled: takeover.spooled }),
    failed: failed.promise,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await drained;
    },
  };
};
