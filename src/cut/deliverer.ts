/**
 * Delivers the cuts of one stream: compress beside the recording of the cut, send when both are done, remember the ack.
 *
 * Invariant: no byte of a pack leaves before its cut is durable. Packs leave in the order of their cuts.
 */
import type { BufferPool } from './buffer-pool.ts';
import type { Cut } from '../marks/cut.ts';
import type { CutPack } from './cut-pack.ts';
import type { Marks } from '../marks/marks.ts';
import type { TrackedSegment } from '../track/segment.ts';
import { LogdError } from '../error.ts';
import { fault } from '../fault/fault.ts';
import { free } from '../pack/codec.ts';
import type { Encode } from '../pack/encoder.ts';
import type { Codec, Pack, PackHeader } from '../pack/pack.ts';
import type { Emit } from '../telemetry/events.ts';
import type { Answer } from '../pack/answer.ts';
import type { Sender } from '../send/sender.ts';

export interface DelivererOptions {
  readonly host: string;
  readonly stream: string;
  readonly codec: Codec;
  readonly encode: Encode;
  readonly sender: Pick<Sender, 'send'>;
  readonly marks: Marks;
  /** When a pack was acked that is to be kept; undefined where acked packs are not kept. */
  readonly keptAt: () => number | undefined;
  readonly buffers: BufferPool;
  readonly emit: Emit;
  /** An ended segment has no unacked packs: its sources need not be kept. */
  readonly onSettled: (segment: TrackedSegment) => Promise<void>;
  /** The marks cannot be written: the agent must stop. */
  readonly onFatal: (error: unknown) => void;
}

export interface Deliverer {
  deliver(pack: CutPack): void;
}

/** What a cut says on the wire. */
export const headerOf = (
  host: string,
  stream: string,
  segment: TrackedSegment,
  cut: Cut,
  codec: Codec,
): PackHeader => {
  const { id, generation, offset, bytes, lines, checksum, sha256, time, done, lost } = cut;
  return {
    host,
    stream,
    hour: segment.hour,
    id,
    generation,
    offset,
    bytes,
    lines,
    checksum,
    sha256,
    codec,
    time,
    ...(done && {
      done: { packs: id, lines: done.lines, bytes: offset + bytes, sha256, hoursInDay: done.hoursInDay },
    }),
    ...(lost && { lost }),
  };
};

export const createDeliverer = (options: DelivererOptions): Deliverer => {
  const { host, stream, codec, encode, sender, marks, keptAt, buffers, emit, onSettled, onFatal } = options;
  let turn: Promise<void> = Promise.resolve();

  const settle = async ({ segment, cut }: CutPack, answer: Answer): Promise<void> => {
    if (answer.kind === 'nack') {
      segment.refused.add(cut.id);
      const { code, message: reason } = answer;
      emit('send.pack-refused', { host, stream, hour: segment.hour, id: cut.id, code, reason });
      return;
    }
    segment.refused.delete(cut.id);
    fault('send.before-ack-record');
    await marks.write('acked', segment.id, cut.id, keptAt(), answer.ledger);
    fault('send.after-ack-record');
    segment.unacked--;
    if (segment.ended && segment.unacked === 0) await onSettled(segment);
  };

  const send = async (cutPack: CutPack, pack: Pack, release: () => void): Promise<void> => {
    try {
      const answer = await sender.send(pack, cutPack.via).finally(() => {
        cutPack.lease?.release();
        release();
      });
      await settle(cutPack, answer);
    } catch (error) {
      if (!(error instanceof LogdError) || error.code !== 'closed') onFatal(error);
    }
  };

  /** The body, and how to give it back. The buffer is given back with it, or as soon as the body does not need it. */
  const bodyOf = async ({ raw, lease, buffer }: CutPack): Promise<{ body: Buffer; release: () => void }> => {
    const giveBuffer = (): void => {
      if (buffer !== undefined) buffers.give(buffer);
    };
    const large = raw.length > buffers.size / 2;
    if (codec === 'none' && large) return { body: raw, release: giveBuffer };
    // A few bytes must not keep a whole buffer while they wait for their ack.
    const plain = codec === 'none' || raw.length === 0;
    const body = plain ? Buffer.from(raw) : await encode(raw);
    lease?.shrink(body.length);
    giveBuffer();
    return { body, release: () => free(body) };
  };

  return {
    deliver(pack) {
      const { segment, cut, raw, recorded } = pack;
      const used = raw.length === 0 ? 'none' : codec;
      const ready = Promise.all([bodyOf(pack), recorded]);
      ready.catch(() => undefined);
      turn = turn.then(async () => {
        try {
          const [{ body, release }] = await ready;
          void send(pack, { header: headerOf(host, stream, segment, cut, used), body }, release);
        } catch (error) {
          onFatal(error);
        }
      });
    },
  };
};
