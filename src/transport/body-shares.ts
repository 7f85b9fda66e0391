/**
 * Memory for bodies: charged as their bytes arrive, and shared so that nobody who claims much or stalls keeps others waiting.
 *
 *   in_flight = a share of its own for each connection that there may be │ common: bodies that do not fit into it, in order of asking
 *
 * A body's memory grows in steps that double, each charged before it is taken; one of usual length has all of it at once while most of the
 * total is free, so that it is not copied from step to step. What its connection's own share does not hold comes of the common part.
 *
 * Invariants
 * - What is granted and not given back never exceeds the total.
 * - Whoever stays within its own share never waits for others.
 * - Some order is left in which all bodies that have begun to take common memory can become whole (the banker's rule of E. W. Dijkstra,
 *   EWD 108), so that no crowd of half bodies can block each other.
 * - While somebody waits, whoever holds common memory and brings bytes so slowly that what it holds would take longer than `patience`
 *   to come again gives it back: its connection is closed, and its pack comes again.
 */
import { free } from '../pack/codec.ts';
import type { Ticker } from './ticker.ts';

/** Memory for the first bytes of a body. */
const FIRST_BYTES = 64 << 10;
/** A body of up to so many bytes has its memory in one step while no more than this share of the total is taken. */
const USUAL_BYTES = 512 << 10;
const FREE_SHARE = 4;
/** The pace of a body is measured over at least so many milliseconds, and a quarter of the patience where that is less. */
const PACE_MS = 1000;

/** What a client is told whose memory is taken back. */
export const TOO_SLOW =
  'The rest of a pack came too slowly while others waited for the memory that it held. It comes again on the next connection.';

/** The memory of one body, from its head to its answer. */
export interface BodyMemory {
  /** Bytes granted so far. */
  readonly room: number;
  /** It asked for more and did not get it yet. */
  readonly waits: boolean;
  /** Bytes of the body that have come: kept by whoever reads it. */
  arrived: number;
  /** Asks for the next step. False: there is no room yet, and `onRoom` is called once there is. */
  grow(): boolean;
  /** Gives everything back; more calls do nothing. */
  release(): void;
}

/** What one connection may take. */
export interface ConnectionShare {
  /**
   * Begins a body of `whole` bytes with the first step. `onRoom` is called later where it has to wait, `onSlow` when others wait and its
   * bytes do not come: the caller must release it. The body before must be whole, or released.
   */
  begin(whole: number, onRoom: () => void, onSlow: () => void): BodyMemory;
}

export interface BodyShares {
  /** Bytes granted and not given back. */
  readonly used: number;
  /** The share of a connection. */
  share(): ConnectionShare;
  /** To be called at each tick: takes memory back from those who stall while others wait. */
  look(): void;
}

export interface BodySharesOptions {
  /** Bytes in all; at least `body`. */
  readonly total: number;
  /** Most bytes of a body. */
  readonly body: number;
  /** Most connections. */
  readonly connections: number;
  /** Milliseconds in which a body must come. */
  readonly patience: number;
  readonly ticker: Pick<Ticker, 'now'>;
}

/** What a connection has of its own, and how much of it is used. */
interface Own {
  used: number;
}

class Body implements BodyMemory {
  arrived = 0;
  waits = false;
  /** Of the connection's own share, and of the common part. */
  own = 0;
  common = 0;
  /** The step that is asked for, in bytes of the body. */
  wanted = 0;
  /** Where the measuring of its pace began. */
  paceSince: number;
  paceFrom = 0;
  readonly whole: number;
  readonly share: Own;
  readonly onRoom: () => void;
  readonly onSlow: () => void;
  readonly #pool: Pool;

  constructor(pool: Pool, share: Own, whole: number, onRoom: () => void, onSlow: () => void) {
    this.#pool = pool;
    this.share = share;
    this.whole = whole;
    this.onRoom = onRoom;
    this.onSlow = onSlow;
    this.paceSince = pool.now;
  }

  get room(): number {
    return this.own + this.common;
  }

  grow(): boolean {
    const step = Math.max(FIRST_BYTES, 2 * this.room);
    this.wanted = this.#pool.isAmpleFor(this.whole) ? this.whole : Math.min(this.whole, step);
    return this.#pool.ask(this);
  }

  release(): void {
    this.#pool.giveBack(this);
  }
}

/** The bookkeeping of all bodies. */
class Pool {
  used = 0;
  readonly #options: BodySharesOptions;
  /** Bytes of the common part, and of each connection's own. */
  readonly #common: number;
  readonly #own: number;
  #commonUsed = 0;
  /** In order of asking. */
  readonly #waiting = new Set<Body>();
  /** Those that hold common memory and have not been seen whole. */
  readonly #partial = new Set<Body>();

  constructor(options: BodySharesOptions) {
    const { total, body, connections } = options;
    this.#options = options;
    this.#common = Math.max(Math.ceil(total / 2), Math.min(body, total));
    this.#own = Math.floor((total - this.#common) / connections);
  }

  get now(): number {
    return this.#options.ticker.now;
  }

  /** Whether a body of so many bytes may have its memory before its bytes have come. */
  isAmpleFor(whole: number): boolean {
    return (
      whole <= USUAL_BYTES &&
      this.#waiting.size === 0 &&
      this.used + whole <= this.#options.total / FREE_SHARE
    );
  }

  ask(body: Body): boolean {
    if (this.#waiting.size === 0 && this.#grant(body)) return true;
    body.waits = true;
    this.#waiting.add(body);
    this.#grantNext(body);
    return !body.waits;
  }

  giveBack(body: Body): void {
    this.#waiting.delete(body);
    this.#partial.delete(body);
    body.waits = false;
    body.share.used -= body.own;
    this.#commonUsed -= body.common;
    this.used -= body.room;
    body.own = body.common = 0;
    this.#grantNext();
  }

  /** Takes memory back from the largest that stall, until nobody waits. */
  look(): void {
    const { patience } = this.#options;
    const span = Math.min(PACE_MS, patience / 4);
    for (const body of this.#partial) if (body.arrived === body.whole) this.#partial.delete(body);
    const due = [...this.#partial].filter((body) => !body.waits && this.now - body.paceSince >= span);
    const slow = due.filter(
      (body) => (body.arrived - body.paceFrom) * patience < body.room * (this.now - body.paceSince),
    );
    for (const body of due) this.#measure(body);
    for (const body of slow.toSorted((a, b) => b.common - a.common)) {
      if (this.#waiting.size === 0) return;
      body.onSlow();
    }
  }

  #measure(body: Body): void {
    body.paceSince = this.now;
    body.paceFrom = body.arrived;
  }

  /** Common bytes that it needs to have `bytes` in all. */
  #needs(body: Body, bytes: number): number {
    return Math.max(0, bytes - body.room - (this.#own - body.share.used));
  }

  #grant(body: Body): boolean {
    const common = this.#needs(body, body.wanted);
    if (this.#commonUsed + common > this.#common || !this.#isSafe(body, common)) return false;
    const own = body.wanted - body.room - common;
    body.own += own;
    body.share.used += own;
    body.common += common;
    this.#commonUsed += common;
    this.used += own + common;
    if (body.common > 0) this.#partial.add(body);
    return true;
  }

  /** Whether all bodies could still become whole, one after the other, if this one got so much more. */
  #isSafe(body: Body, more: number): boolean {
    if (more === 0 || body.wanted === body.whole) return true;
    const partial = [...this.#partial].filter((one) => one !== body && one.room < one.whole);
    const bodies = [...partial, body].map((one) => {
      const given = one === body ? more : 0;
      return { holds: one.common + given, lacks: this.#needs(one, one.whole) - given };
    });
    let left = this.#common - bodies.reduce((sum, { holds }) => sum + holds, 0);
    for (const { holds, lacks } of bodies.toSorted((a, b) => a.lacks - b.lacks)) {
      if (lacks > left) return false;
      left += holds;
    }
    return true;
  }

  /**
   * In order of asking. Whoever waits for room is passed by those that hold some already, because they make room by becoming whole; whoever
   * waits for another's half body is passed by all. `asking` hears it from its call.
   */
  #grantNext(asking?: Body): void {
    let isShort = false;
    for (const body of this.#waiting) {
      const common = this.#needs(body, body.wanted);
      if (common > 0 && isShort && body.common === 0) continue;
      if (!this.#grant(body)) {
        isShort ||= this.#commonUsed + common > this.#common;
        continue;
      }
      this.#waiting.delete(body);
      body.waits = false;
      this.#measure(body);
      if (body !== asking) body.onRoom();
    }
  }
}

export const createBodyShares = (options: BodySharesOptions): BodyShares => {
  const pool = new Pool(options);
  return {
    get used() {
      return pool.used;
    },
    share() {
      const own: Own = { used: 0 };
      return {
        begin(whole, onRoom, onSlow) {
          const body = new Body(pool, own, whole, onRoom, onSlow);
          body.grow();
          return body;
        },
      };
    },
    look: () => pool.look(),
  };
};

/** A buffer of `size` bytes that begins with the first `filled` of another, whose memory is given back. */
export const grown = (buffer: Buffer | undefined, filled: number, size: number): Buffer => {
  if (buffer?.length === size) return buffer;
  // Not allocUnsafe: its shared pool would keep 64 KiB alive for a small body that waits.
  const larger = Buffer.allocUnsafeSlow(size);
  if (buffer === undefined) return larger;
  buffer.copy(larger, 0, 0, filled);
  free(buffer);
  return larger;
};
