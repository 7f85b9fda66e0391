/**
 * The receive stage: decodes a pack, compares its size, lines and checksum with its header, and hands it to the target.
 *
 * Decoding runs in the libuv pool for several packs at a time, within a budget of raw bytes, and connections take turns at it: see turns.ts.
 * The target is given the packs in order of arrival all the same, and waits for each to be decoded when its turn comes.
 */
import { availableParallelism } from 'node:os';
import { fault } from '../fault/fault.ts';
import { free } from '../pack/codec.ts';
import { createDecoder, type Decode } from '../pack/decoder.ts';
import { corrupt, type Pack, type VerifiedPack } from '../pack/pack.ts';
import { survey } from '../pack/survey.ts';
import type { Emit } from '../telemetry/events.ts';
import type { Answer } from '../pack/answer.ts';
import type { OnPack } from '../transport/transport.ts';
import type { PackTarget } from './pack-target.ts';
import { createTurns } from './turns.ts';

export interface ReceiverOptions {
  /** Where verified packs go. */
  readonly target: Pick<PackTarget, 'put' | 'ready'>;
  readonly emit: Emit;
  /** Most raw bytes of packs that are decoded and not yet written. */
  readonly rawBytes: number;
  /** Most raw bytes of packs that are decoded and not yet answered; at least `rawBytes`. */
  readonly unansweredBytes: number;
}

interface HeldPack {
  readonly pack: VerifiedPack;
  /** Its raw bytes are needed no more. */
  release(): void;
}

/**
 * Decodes a pack and holds its size, lines and checksum against its header.
 * @throws LogdError `corrupt`, naming the pack and what differs.
 */
export const verify = async ({ header, body }: Pack, decode: Decode): Promise<HeldPack> => {
  fault('receive.before-verify');
  if (header.lost !== undefined)
    return { pack: { header, body, raw: Buffer.alloc(0) }, release: () => undefined };
  const { raw, release } = await decode(body, header.codec, header.bytes);
  const { lines, checksum } = survey(raw);
  if (lines === header.lines && checksum === header.checksum) return { pack: { header, body, raw }, release };
  release();
  if (lines !== header.lines) throw corrupt(header, 'lines', lines, header.lines);
  throw corrupt(header, 'checksum', checksum, header.checksum);
};

/** What a listener calls with each pack: see {@link OnPack}. */
export const createReceiver = ({ target, emit, rawBytes, unansweredBytes }: ReceiverOptions): OnPack => {
  const turns = createTurns({ memory: rawBytes, work: unansweredBytes });
  const decode = createDecoder(availableParallelism());
  return async (pack, peer): Promise<Answer> => {
    const { header } = pack;
    const bytes = header.lost === undefined ? header.bytes : 0;
    const turn = turns.take(peer, header, bytes, target.ready?.(header));
    const verified = turn.then(() => verify(pack, decode));
    verified.catch(() => undefined); // The target awaits it when the pack's turn comes.
    // Only what is decoded may be freed: until then the pool reads the body, whatever became of the pack meanwhile.
    const release = (): void => {
      const giveBack = (): void => void turn.then((own) => own.freed());
      verified.then((held) => held.release()).then(giveBack, giveBack);
    };
    const decoded = verified.then((held) => held.pack);
    decoded.catch(() => undefined);
    const answer = await target.put({ header, body: pack.body, verified: decoded, release }, peer);
    await verified.catch(() => undefined);
    void turn.then((own) => own.done());
    free(pack.body);
    if (answer.kind === 'nack') {
      const { host, stream, hour, id } = header;
      emit('receive.bad-pack', {
        host,
        stream,
        hour,
        id,
        peer: peer.address,
        code: answer.code,
        reason: answer.message,
      });
    }
    return answer;
  };
};
