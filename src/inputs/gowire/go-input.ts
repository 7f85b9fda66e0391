/**
 * Packs of the Go system: made durable, put in order of their ids, and handed on like packs of our own.
 *
 *   take ─ inflates? ─▶ queue on disk (a spool) ─ fsync ─▶ ok
 *                          │ in order of arrival
 *                          ▼
 *        id is next ─▶ hour journal: offset, digest ─▶ target (commit stage or forwarder) ─ ack ─▶ journal fsync ─▶ done in the queue
 *        id is later ─▶ held until its turn            │ refused for good: kept in refused/, shown
 *        id was there ─▶ the same pack again           └ later: tried again
 *
 * Invariants: `ok` means durable in the queue; a pack leaves the queue after the target has acknowledged it. After a crash the queue
 * gives the same packs in the same ids, so each gets the same offset and digest. A pack is known by address, hour and id, never by its
 * bytes. An id that is still missing `gapAfter` ms after the hour's end has come is a gap.
 */
import { join } from 'node:path';
import { makeDirectory } from '../../disk/durable-directory.ts';
import { LogdError, messageOf } from '../../error.ts';
import type { Answer } from '../../pack/answer.ts';
import { isName } from '../../pack/name.ts';
import type { Pack } from '../../pack/pack.ts';
import { openSpool, type SpooledPack } from '../../spool/spool.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { Emit } from '../../telemetry/events.ts';
import { decodeV1Body } from '../../transport/gowire/body.ts';
import type { LoosePack, OnLoosePack } from '../../transport/transport.ts';
import { decodedPacks } from './decoded-packs.ts';
import { createGoDelivery } from './go-delivery.ts';
import { createGoHours } from './go-hours.ts';
import { createGoOrder } from './go-order.ts';

export interface GoInputOptions {
  readonly dir: string;
  /** What its lines are called here: the Go system has no streams. */
  readonly stream: string;
  /** Most bytes of the queue on disk. */
  readonly bytes: number;
  /** Most raw bytes of a pack. */
  readonly rawBytes: number;
  /** Of the hours. */
  readonly zone: string;
  /** Milliseconds. */
  readonly gapAfter: number;
  readonly target: (pack: Pack) => Promise<Answer>;
  readonly clock: Clock;
  readonly emit: Emit;
}

export interface GoInput extends AsyncDisposable {
  readonly take: OnLoosePack;
  readonly failed: Promise<Error>;
}

const AGE = 10 * 365 * 24 * 3_600_000;
const LOOK_EVERY_MS = 250;

const refusal = (error: unknown): Answer => {
  const code = error instanceof LogdError && error.code === 'corrupt' ? 'corrupt' : 'storage';
  return { kind: 'nack', code, message: messageOf(error), retryable: true };
};

/** The pack as it waits in the queue: of its fields only those that wire v1 knows mean something. */
const queuedPack = (
  { host, hour, id, lines, done, body }: LoosePack,
  stream: string,
  time: number,
): Pack => ({
  header: {
    ...{ host, stream, hour, id, generation: 1, offset: 0, bytes: 0, lines, checksum: 0, sha256: '' },
    ...{
      codec: 'none',
      time,
      ...(done && { done: { packs: id, lines, bytes: 0, sha256: '', hoursInDay: 24 } }),
    },
  },
  body,
});

/** Undefined where it takes longer. */
const withinMs = async <Value>(value: Promise<Value>, ms: number): Promise<Value | undefined> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), ms)));
  return Promise.race([value, late]).finally(() => clearTimeout(timer));
};

export const openGoInput = async (options: GoInputOptions): Promise<GoInput> => {
  const { dir, stream, rawBytes, zone, gapAfter, target, clock, emit } = options;
  const queue = join(dir, 'queue');
  await makeDirectory(join(dir, 'hours'), 'gowire.dir', 0o750);
  const spool = await openSpool({ dir: queue, bytes: options.bytes, age: AGE, clock, emit });
  const stop = new AbortController();
  const failed = Promise.withResolvers<Error>();
  const fail = (error: unknown): void => {
    if (!stop.signal.aborted) failed.resolve(error instanceof Error ? error : new Error(messageOf(error)));
  };
  const decoded = decodedPacks(rawBytes);
  const hours = createGoHours(join(dir, 'hours'), stream, clock);
  const delivery = createGoDelivery({ dir: queue, spool, target, signal: stop.signal, clock, emit, fail });
  const order = createGoOrder({ hours, decoded, delivery, spool, zone, gapAfter, clock, emit });

  const run = async (): Promise<void> => {
    let coming: Promise<SpooledPack> | undefined;
    let lookAt = clock.monotonic();
    while (!stop.signal.aborted) {
      coming ??= spool.next(stop.signal);
      const given = await withinMs(coming, LOOK_EVERY_MS);
      if (given !== undefined) {
        coming = undefined;
        await order.place(given);
      }
      if (given !== undefined && clock.monotonic() - lookAt < LOOK_EVERY_MS) continue;
      lookAt = clock.monotonic();
      await order.closeGaps();
      await hours.closeIdle();
    }
  };
  const running = run().catch(fail);

  return {
    async take(pack) {
      try {
        if (!isName(pack.host))
          throw new LogdError('name', 'The address cannot be used as a name of a host.');
        // What cannot be read must not be acknowledged.
        const raw = await decodeV1Body(pack.body, rawBytes);
        const ticket = await spool.append(queuedPack(pack, stream, clock.now()));
        decoded.keep(ticket, raw);
        return { kind: 'ack' };
      } catch (error) {
        return refusal(error);
      }
    },
    failed: failed.promise,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      await spool[Symbol.asyncDispose]();
      await delivery.end();
      await hours.close();
    },
  };
};
