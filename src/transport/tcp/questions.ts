/** What a server answers to HAVE, and how it asks for packs again. */
import { LogdError, messageOf } from '../../error.ts';
import { checkSegmentKey } from '../../pack/name.ts';
import type { LedgerQuestion, Serving, UnavailableRun, WantedRun } from '../transport.ts';
import { encodeFrame, type FrameHead } from './frame.ts';
import { ASKED_RUNS, readMessage, shorten } from './messages.ts';

/** The frame that answers a HAVE. `onOlder` is called where the ledger lacks what it acknowledged. */
export const answerQuestion = async (
  { ledger }: Pick<Serving, 'ledger'>,
  seq: number,
  question: LedgerQuestion,
  onOlder: () => void,
): Promise<Buffer> => {
  try {
    for (const key of [...question.segments, ...(question.sources ?? [])]) checkSegmentKey(key);
    if (ledger === undefined) throw new LogdError('storage', 'There is no ledger here to ask.');
    const reply = await ledger.ask(question);
    if (reply.knows === false) onOlder();
    return encodeFrame('WANT', { seq, ...reply });
  } catch (error) {
    const retryable = error instanceof LogdError && error.retryable;
    const message = shorten(messageOf(error));
    return encodeFrame('NACK', { seq, code: 'storage', message, retryable, have: true });
  }
};

/** Runs that say the same about every field of a frame of theirs. */
const framesOf = (type: 'WANT' | 'CANNOT', runs: readonly WantedRun[]): Buffer[] => {
  const frames: Buffer[] = [];
  for (let at = 0; at < runs.length; at += ASKED_RUNS)
    frames.push(encodeFrame(type, { packs: runs.slice(at, at + ASKED_RUNS) }));
  return frames;
};

/** Frames that ask for packs again. */
export const wantFrames = (runs: readonly WantedRun[]): Buffer[] => framesOf('WANT', runs);

/** Frames that say which packs cannot be made again. */
export const cannotFrames = (runs: readonly UnavailableRun[]): Buffer[] => framesOf('CANNOT', runs);

/** @throws LogdError `protocol` where the frame or a name in it is malformed. */
export const readCannot = (head: FrameHead): readonly UnavailableRun[] => {
  const { packs } = readMessage('CANNOT', head);
  for (const key of packs) checkSegmentKey(key);
  return packs;
};
