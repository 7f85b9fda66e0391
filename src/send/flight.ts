/**
 * The packs that are on their way over one connection, and how many there may be: the receiver's window, and an allowance that is small after a
 * connection that broke, because over a link that is cut every few KB a full window would never be answered.
 *
 *   allowance   ∞ at first ─ connection broke ─▶ as many as were answered, half of those in flight at most, 1 at least
 *               each answer allows one more, which doubles it with each round
 */
import type { Answer } from '../pack/answer.ts';
import type { Pack } from '../pack/pack.ts';
import type { Upstream } from '../transport/transport.ts';

/** A pack that was given to a sender. */
export interface Parcel {
  readonly pack: Pack;
  /** See {@link Upstream.send}. */
  sending: string;
}

export interface Flight<One extends Parcel> {
  /** There is room for one more. */
  fits(parcel: One, upstream: Upstream): boolean;
  /** Sends it. */
  launch(parcel: One, upstream: Upstream): void;
  /** The connection is over. */
  broke(): void;
}

export interface FlightOptions<One extends Parcel> {
  readonly onAnswer: (parcel: One, answer: Answer) => void;
  /** The connection ended before the answer. */
  readonly onLost: (parcel: One) => void;
}

/** Why a receiver could never take the pack. */
export const tooLarge = ({ header, body }: Pack, { limits }: Upstream): string | undefined => {
  if (header.bytes > limits.rawBytes)
    return `It has ${header.bytes} bytes, the receiver takes ${limits.rawBytes}.`;
  if (body.length > limits.bodyBytes)
    return `Its body has ${body.length} bytes, the receiver takes ${limits.bodyBytes}.`;
  return undefined;
};

export const createFlight = <One extends Parcel>({ onAnswer, onLost }: FlightOptions<One>): Flight<One> => {
  let packs = 0;
  let bytes = 0;
  let allowance = Infinity;
  /** Of this connection. */
  let counts = { answered: 0, lost: 0 };

  const land = ({ pack }: One): void => {
    packs--;
    bytes -= pack.body.length;
  };

  return {
    fits: ({ pack }, { limits }) =>
      packs === 0 ||
      (packs < allowance && packs < limits.windowPacks && bytes + pack.body.length <= limits.windowBytes),
    launch(parcel, upstream) {
      const mine = counts;
      packs++;
      bytes += parcel.pack.body.length;
      upstream.send(parcel.pack, parcel.sending).then(
        (answer) => {
          land(parcel);
          mine.answered++;
          allowance++;
          onAnswer(parcel, answer);
        },
        () => {
          land(parcel);
          mine.lost++;
          onLost(parcel);
        },
      );
    },
    broke() {
      const { answered, lost } = counts;
      const open = packs + lost;
      if (open > 0 || answered > 0) allowance = Math.max(1, Math.min(answered, open >> 1));
      counts = { answered: 0, lost: 0 };
    },
  };
};
