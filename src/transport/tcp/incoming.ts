/** The pack whose head is here and whose body is not. */
import { LogdError, messageOf } from '../../error.ts';
import type { Answer } from '../../pack/answer.ts';
import type { Pack, PackHeader } from '../../pack/pack.ts';
import type { BodyMemory } from '../body-shares.ts';
import type { BrokenOff } from '../broken-off.ts';
import type { Peer, PeerLimits, Serving } from '../transport.ts';
import type { FrameHead } from './frame.ts';
import { type PackFault, readMessage, readPack, shorten } from './messages.ts';
import { NOT_KEPT, type Resumption } from './resumption.ts';

export interface Incoming {
  readonly seq: number;
  readonly pack: PackHeader | PackFault;
  readonly head: FrameHead;
  readonly sending: string | undefined;
  /** What an earlier connection brought of it. */
  readonly begun: BrokenOff | undefined;
  /** Of the body that is to be held in memory. */
  readonly bodyBytes: number;
  /** Undefined until the window has room for it. */
  memory: BodyMemory | undefined;
}

/** The body is whoever takes the pack's: its memory may be gone by the time of the answer. */
export const answerTo = async (
  { onPack }: Pick<Serving, 'onPack'>,
  pack: Pack,
  peer: Peer,
): Promise<Answer> => {
  try {
    return await onPack(pack, peer);
  } catch (error) {
    return { kind: 'nack', code: 'storage', message: shorten(messageOf(error)), retryable: true };
  }
};

/** Reads the head of a PACK, which must be the one after pack `last`; throws `protocol`. */
export const readIncoming = (
  head: FrameHead,
  last: number,
  limits: PeerLimits,
  resumption: Resumption,
): Incoming => {
  const { seq, sending, from = 0 } = readMessage('PACK', head);
  if (seq !== last + 1)
    throw new LogdError('protocol', `Pack ${seq} came on the connection after pack ${last}.`);
  const begun = from > 0 ? resumption.find(sending, from, head.bodyBytes) : undefined;
  const whole = from + head.bodyBytes;
  const pack = from > 0 && begun === undefined ? NOT_KEPT : readPack(head, limits, whole);
  const bodyBytes = begun?.answer === undefined ? whole : 0;
  return { seq, head, pack, sending, begun, bodyBytes, memory: undefined };
};
