/**
 * Whose pack is next: connections take turns, and in each connection the hosts whose packs come on it (a relay's), so that one who sends
 * much delays nobody who sends little.
 *
 *   pack ─▶ small or large ─▶ its host's line, in its connection's ─▶ the one that has had least ─ room? ─▶ decoded ─▶ written ─▶ answered
 *                                                                                              └ memory ─────────┘           │
 *                                                                                              └ work ───────────────────────┘
 *
 * Start-time fair queueing (P. Goyal, H. M. Vin, H. Cheng, 1996) by raw bytes, on two levels: everybody who waits has a tag, which grows by
 * what it is given; the lowest is next. Whoever comes back after a pause gets the tag of the last one served, so that silence earns nothing.
 *
 * Invariants
 * - Small packs have room of their own and never wait for large ones.
 * - The packs of a segment get their turns in order of asking: a pack that has room never waits for one that has none. Nor does it wait for
 *   a seal: packs of a segment that is being sealed have no turn until that is done.
 * - Memory and work in each of the two are bounded; a pack above the bound is alone.
 */
import { type SegmentKey, segmentName } from '../pack/pack.ts';

/** Packs of up to so many raw bytes are small. */
const SMALL_BYTES = 64 << 10;
/** Small packs have this share of the room of large ones. */
const SMALL_SHARE = 4;
/** What a pack costs besides its bytes. */
const PACK_COST = 4096;
/** Of so many hosts that do not wait a connection remembers what they had. */
const MOST_HOSTS = 1000;

/** A pack's turn. */
export interface Turn {
  /** Its raw bytes are needed no more. */
  freed(): void;
  /** It is answered. */
  done(): void;
}

export interface Turns {
  /** Waits for the turn of a pack, and before that for `ready`: `connection` is any object that stands for it. */
  take(connection: object, segment: SegmentKey, bytes: number, ready?: Promise<void>): Promise<Turn>;
}

export interface TurnsOptions {
  /** Most raw bytes in memory. */
  readonly memory: number;
  /** Most raw bytes that are not answered yet. */
  readonly work: number;
}

interface Waiting {
  readonly bytes: number;
  readonly go: (turn: Turn) => void;
}

/** What is lined up, lowest tag first; of equal ones who came first. */
interface Tagged {
  tag: number;
  order: number;
}

interface HostLine extends Tagged {
  readonly host: string;
  readonly packs: Waiting[];
}

interface ConnectionLine extends Tagged {
  /** The tag of the host that was served last. */
  served: number;
  readonly hosts: Map<string, HostLine>;
  readonly heap: HostLine[];
}

const isBefore = (a: Tagged, b: Tagged): boolean => a.tag < b.tag || (a.tag === b.tag && a.order < b.order);

const push = <T extends Tagged>(heap: T[], item: T): void => {
  let at = heap.push(item) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!isBefore(item, heap[parent]!)) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = item;
};

/** Takes the first one off. */
const pop = <T extends Tagged>(heap: T[]): void => {
  const item = heap.pop()!;
  if (heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
    if (!isBefore(heap[child]!, item)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = item;
};

/** Small packs, or large ones. */
class PackLane {
  readonly #options: TurnsOptions;
  readonly #lines = new WeakMap<object, ConnectionLine>();
  /** Connections that wait. */
  readonly #heap: ConnectionLine[] = [];
  /** The tag of the connection that was served last. */
  #served = 0;
  #order = 0;
  #memory = 0;
  #work = 0;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  take(connection: object, host: string, bytes: number): Promise<Turn> {
    return new Promise((go) => {
      const line = this.#lineOf(connection);
      const ofHost = this.#hostOf(line, host);
      ofHost.packs.push({ bytes, go });
      if (ofHost.packs.length === 1) {
        ofHost.tag = Math.max(ofHost.tag, line.served);
        ofHost.order = this.#order++;
        push(line.heap, ofHost);
      }
      if (line.heap.length === 1 && ofHost.packs.length === 1) {
        line.tag = Math.max(line.tag, this.#served);
        line.order = this.#order++;
        push(this.#heap, line);
      }
      this.#next();
    });
  }

  #lineOf(connection: object): ConnectionLine {
    let line = this.#lines.get(connection);
    if (line === undefined) {
      line = { tag: 0, order: 0, served: 0, hosts: new Map(), heap: [] };
      this.#lines.set(connection, line);
    }
    return line;
  }

  #hostOf({ hosts }: ConnectionLine, host: string): HostLine {
    let line = hosts.get(host);
    if (line === undefined) {
      if (hosts.size >= MOST_HOSTS)
        for (const [name, { packs }] of hosts) if (packs.length === 0) hosts.delete(name);
      line = { tag: 0, order: 0, host, packs: [] };
      hosts.set(host, line);
    }
    return line;
  }

  #hasRoom(bytes: number): boolean {
    const { memory, work } = this.#options;
    const fits = this.#memory + bytes <= memory && this.#work + bytes <= work;
    return fits || this.#work === 0;
  }

  #next(): void {
    for (;;) {
      const line = this.#heap[0];
      const ofHost = line?.heap[0];
      const pack = ofHost?.packs[0];
      if (line === undefined || ofHost === undefined || pack === undefined) return;
      if (!this.#hasRoom(pack.bytes)) return;
      ofHost.packs.shift();
      this.#charge(line, ofHost, pack.bytes + PACK_COST);
      pack.go(this.#start(pack.bytes));
    }
  }

  /** Puts both to where they belong after what they were given, or takes them off where nothing waits any more. */
  #charge(line: ConnectionLine, ofHost: HostLine, cost: number): void {
    this.#served = line.tag;
    line.served = ofHost.tag;
    pop(this.#heap);
    pop(line.heap);
    line.tag += cost;
    ofHost.tag += cost;
    line.order = ofHost.order = this.#order++;
    if (ofHost.packs.length > 0) push(line.heap, ofHost);
    if (line.heap.length > 0) push(this.#heap, line);
  }

  #start(bytes: number): Turn {
    this.#memory += bytes;
    this.#work += bytes;
    let isFreed = false;
    let isDone = false;
    const freed = (): void => {
      if (isFreed) return;
      isFreed = true;
      this.#memory -= bytes;
      this.#next();
    };
    return {
      freed,
      done: () => {
        if (isDone) return;
        isDone = true;
        this.#work -= bytes;
        freed();
        this.#next();
      },
    };
  }
}

/** Small and large packs have their own room, small ones a quarter of what large ones have. */
export const createTurns = ({ memory, work }: TurnsOptions): Turns => {
  const small = new PackLane({ memory: memory / SMALL_SHARE, work: work / SMALL_SHARE });
  const large = new PackLane({ memory, work });
  /** The turn of the last pack of each segment that has not come yet. */
  const last = new Map<string, Promise<Turn>>();
  return {
    take(connection, segment, bytes, ready) {
      const name = segmentName(segment);
      const lane = bytes <= SMALL_BYTES ? small : large;
      const ask = (): Promise<Turn> => lane.take(connection, segment.host, bytes);
      const before = last.get(name);
      const begin =
        before === undefined || ready === undefined ? (before ?? ready) : before.then(() => ready);
      const turn = begin === undefined ? ask() : begin.then(ask);
      last.set(name, turn);
      void turn.then(() => {
        if (last.get(name) === turn) last.delete(name);
      });
      return turn;
    },
  };
};
