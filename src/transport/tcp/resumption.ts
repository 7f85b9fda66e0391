/** The server's side of packs that go on where an earlier connection of their node broke off: see transport/broken-off.ts. */
import type { Answer } from '../../pack/answer.ts';
import type { BrokenOff, BrokenOffPacks } from '../broken-off.ts';
import type { PackFault } from './messages.ts';

/** A beginning that is shorter is not worth its bookkeeping. */
const LEAST_BYTES = 512;

/** Not kept any more: the client sends all of it. */
export const NOT_KEPT: PackFault = {
  code: 'storage',
  message: 'The beginning of the pack is not kept here any more: send all of it.',
  retryable: true,
};

/** What one connection knows of broken-off packs, and leaves to the next. */
export class Resumption {
  readonly #packs: BrokenOffPacks;
  #part: BrokenOff | undefined;
  #whole: BrokenOff | undefined;
  #hasLeft = false;

  constructor(packs: BrokenOffPacks) {
    this.#packs = packs;
  }

  /** What WELCOME tells the node. */
  greet(node: string): readonly { readonly sending: string; readonly from?: number }[] {
    const left = this.#packs.take(node);
    this.#part = left.find(({ beginning }) => beginning !== undefined);
    this.#whole = left.find(({ answer }) => answer !== undefined);
    return left.map(({ sending, beginning }) => ({
      sending,
      ...(beginning && { from: beginning.length }),
    }));
  }

  /** What is here of a pack of which the client sends bytes `from` on, or nothing at all. */
  find(sending: string | undefined, from: number, bodyBytes: number): BrokenOff | undefined {
    if (sending === undefined) return undefined;
    if (bodyBytes === 0) return this.#whole?.sending === sending ? this.#whole : undefined;
    const isIt = this.#part?.sending === sending && this.#part.beginning?.length === from;
    return isIt ? this.#part : undefined;
  }

  /** A pack has come whole. */
  came(sending: string | undefined, answer: Promise<Answer>): void {
    if (sending === undefined) return;
    if (this.#part?.sending === sending) this.#dropPart();
    this.#whole = { sending, answer };
  }

  /** The connection is over; `part`: what came of a body that is not whole. */
  leave(node: string, sending: string | undefined, part: Buffer | undefined): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    const kept = this.#part;
    this.#dropPart();
    const least = kept?.sending === sending ? (kept?.beginning?.length ?? LEAST_BYTES) : LEAST_BYTES;
    const isWorthIt = sending !== undefined && part !== undefined && part.length >= least;
    // Copied: its buffer has the size of the whole body.
    const begun = isWorthIt ? { sending, beginning: Buffer.from(part) } : kept;
    this.#packs.leave(
      node,
      [begun, this.#whole].filter((pack) => pack !== undefined),
    );
  }

  #dropPart(): void {
    if (this.#part !== undefined) this.#packs.release([this.#part]);
    this.#part = undefined;
  }
}
