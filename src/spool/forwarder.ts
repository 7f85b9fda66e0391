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
import { keepRefused, sendRetries } from './refused.ts';
import type { Spool, SpoolTicket } from './spool.ts';

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
const RETRIES_EVERY_MS = 1000;
const SAY_EVERY_MS = 10_000;

const ticketName = ({ file, at }: SpoolTicket): string => `${file}/${at}`;

export const createForwarder = (options: ForwarderOptions): Forwarder => {
  const { node, spool, spoolDir, next, patience, clock, emit } = options;
  const direct = byteBudget(options.memory);
  const draining = byteBudget(options.memory);
  const stop = new AbortController();
  const failed = Promise.withResolvers<Error>();
  /** Spooled packs that the sender still has: the drain leaves them to it. */
  const onTheirWay = new Set<string>();
  const counts = { forwarded: 0, spooled: 0, refused: 0 };
  let saidTakingOver = false;
  let takenOverAt = -Infinity;

  const routed = ({ header, body }: Pack, received: number): Pack => {
    const hop = { node, received, sent: clock.now() };
    return { header: { ...header, route: [...(header.route ?? []), hop] }, body };
  };

  const refusal = (pack: Pack): Answer | undefined => {
    const route = pack.header.route ?? [];
    const loops = route.some((hop) => hop.node === node);
    if (!loops && route.length < MOST_HOPS) return undefined;
    const message = loops
      ? `The pack comes to ${node} a second time: relays send in a circle.`
      : `More than ${MOST_HOPS} relays.`;
    return { kind: 'nack', code: 'invalid', message, retryable: false };
  };

  const settleSpooled = async (
    pack: Pack,
    ticket: SpoolTicket,
    spooled: number,
    answer: Answer,
  ): Promise<void> => {
    if (answer.kind === 'ack') counts.forwarded++;
    else {
      counts.refused++;
      const { code, message } = answer;
      const path = await keepRefused(spoolDir, pack, `${code}: ${message}`, spooled);
      const { host, stream, hour, id } = pack.header;
      emit('spool.pack-refused', { host, stream, hour, id, code, reason: message, path });
    }
    spool.done(ticket);
    if (saidTakingOver && spool.status().packs === 0) {
      saidTakingOver = false;
      emit('spool.drained', { dir: spoolDir });
    }
  };

  const logTakingOver = (): void => {
    if (saidTakingOver || clock.monotonic() - takenOverAt < SAY_EVERY_MS) return;
    saidTakingOver = true;
    takenOverAt = clock.monotonic();
    emit('spool.taking-over', { dir: spoolDir });
  };

  const append = async (pack: Pack): Promise<SpoolTicket> => {
    logTakingOver();
    const ticket = await spool.append(pack);
    counts.spooled++;
    return ticket;
  };

  const storageNack = (error: unknown): Answer => ({
    ...{ kind: 'nack', code: 'storage', message: messageOf(error), retryable: true },
  });

  /** The first answer that may go back: the next hop's, or ours once the pack is durable here. */
  const sendDirectly = async (pack: Pack, received: number, release: () => void): Promise<Answer> => {
    let settled = false;
    const answer = next.send(routed(pack, received));
    const ended = answer.then(
      () => (settled = true),
      () => undefined,
    );
    const late = Promise.withResolvers<'late'>();
    const timer = setTimeout(() => late.resolve('late'), patience);
    const first = await Promise.race([answer, late.promise]).catch((error: unknown) => storageNack(error));
    clearTimeout(timer);
    if (first !== 'late') {
      if (first.kind === 'ack') counts.forwarded++;
      release();
      free(pack.body);
      return first;
    }
    const spooled = append(pack);
    void Promise.allSettled([spooled, ended]).then(async ([kept]) => {
      release();
      if (kept.status === 'fulfilled') {
        onTheirWay.delete(ticketName(kept.value));
        // Unanswered only when we stop: the pack stays in the spool for the next start.
        if (settled) await settleSpooled(pack, kept.value, received, await answer).catch(fail);
      } else if (settled) counts.forwarded++;
      free(pack.body);
    });
    const durable = spooled.then((ticket): Answer => {
      if (!settled) onTheirWay.add(ticketName(ticket));
      return ACK;
    });
    return Promise.any([durable, answer]).catch(() => durable.catch(storageNack));
  };

  const fail = (error: unknown): void => {
    if (stop.signal.aborted) return;
    failed.resolve(error instanceof Error ? error : new Error(messageOf(error)));
  };

  const put = async (pack: Pack): Promise<Answer> => {
    const no = refusal(pack);
    if (no !== undefined) return no;
    const received = clock.now();
    const lease =
      next.connected && spool.status().packs === 0 ? direct.acquireNow(pack.body.length) : undefined;
    if (lease !== undefined) return sendDirectly(pack, received, () => lease.release());
    return append(pack).then(
      () => {
        free(pack.body);
        return ACK;
      },
      (error: unknown) => storageNack(error),
    );
  };

  const drain = async (): Promise<void> => {
    for (;;) {
      const { pack, ticket, spooled } = await spool.next(stop.signal);
      if (onTheirWay.has(ticketName(ticket))) continue;
      const lease = await draining.acquire(pack.body.length, stop.signal);
      next
        .send(routed(pack, spooled))
        .then((answer) => settleSpooled(pack, ticket, spooled, answer).catch(fail))
        .catch(() => undefined)
        .finally(() => {
          lease.release();
          free(pack.body);
        });
    }
  };

  const retry = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await sendRetries(spoolDir, async (pack, spooled) => {
        const answer = await next.send(routed(pack, spooled));
        if (answer.kind === 'ack') return true;
        const { code, message } = answer;
        const path = await keepRefused(spoolDir, pack, `${code}: ${message}`, spooled);
        const { host, stream, hour, id } = pack.header;
        emit('spool.pack-refused', { host, stream, hour, id, code, reason: message, path });
        return true;
      });
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, RETRIES_EVERY_MS);
        stop.signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
      });
    }
  };

  const loops = [drain().catch(fail), retry().catch(fail)];
  return {
    put,
    status: () => ({ ...counts }),
    failed: failed.promise,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await loops[0];
    },
  };
};
