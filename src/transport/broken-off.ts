/**
 * What broken connections left behind, so that a link that is cut every few KB still carries large packs: the next connection of the
 * node goes on where the last one ended.
 *
 *   connection closes ─ leave(node, what came of a body, what became of the last whole pack)
 *   next HELLO of it  ─ take(node) ─▶ WELCOME says so ─▶ the client sends the rest, or asks for the answer alone
 *
 * Invariants: a pack is known by the name that the client gave to its sending, which is never given to another; so the answer of an earlier
 * sending never counts for a later one of the same pack. Bytes and nodes are bounded; the oldest go first, which costs a repeat.
 */
import type { Answer } from '../pack/answer.ts';

/** One pack that the end of a connection left open. */
export interface BrokenOff {
  readonly sending: string;
  /** The first bytes of its body; undefined where it came whole. */
  readonly beginning?: Buffer | undefined;
  /** What it is answered with; only where it came whole. */
  readonly answer?: Promise<Answer> | undefined;
}

/** At most one that came in part, and one that came whole. */
export type LeftBehind = readonly BrokenOff[];

export interface BrokenOffPacks {
  leave(node: string, packs: LeftBehind): void;
  /** What the last connection of a node left. Its bytes count until they are released. */
  take(node: string): LeftBehind;
  /** What was taken is not kept any more. */
  release(packs: LeftBehind): void;
}

const MOST_BYTES = 32 << 20;
const MOST_NODES = 4096;

const bytesOf = (packs: LeftBehind): number =>
  packs.reduce((sum, { beginning }) => sum + (beginning?.length ?? 0), 0);

export const createBrokenOffPacks = (mostBytes = MOST_BYTES): BrokenOffPacks => {
  /** Oldest first. */
  const nodes = new Map<string, LeftBehind>();
  /** Also of those that were taken. */
  let bytes = 0;
  const take = (node: string): LeftBehind => {
    const packs = nodes.get(node) ?? [];
    nodes.delete(node);
    return packs;
  };
  const release = (packs: LeftBehind): void => {
    bytes -= bytesOf(packs);
  };
  return {
    take,
    release,
    leave(node, packs) {
      release(take(node));
      if (packs.length === 0) return;
      nodes.set(node, packs);
      bytes += bytesOf(packs);
      for (const oldest of nodes.keys()) {
        if (bytes <= mostBytes && nodes.size <= MOST_NODES) return;
        release(take(oldest));
      }
    },
  };
};
