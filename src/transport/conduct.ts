/**
 * How clients behave: whoever sends many bad packs, or floods us with frames that carry none, is closed and let in again after a pause
 * that doubles each time. Nothing is lost by it: what it has to say that is right it says after the pause.
 *
 *   bad pack ─▶ counted ─ a good one takes one off ─▶ too many ─▶ closed ─▶ pause: 1 s, 2 s, 4 s … 5 min
 *                                                                             └ an hour without another: forgotten
 */
import type { NackCode } from '../pack/answer.ts';
import type { Ticker } from './ticker.ts';

/** A connection may have so many more bad packs than good ones; */
const MOST_BAD = 200;
/** so many where they have come over a relay, which is not to blame for each of its senders and closes their connections itself. */
const MOST_BAD_RELAYED = 2000;
/** and a client of wire v1, each of whose bad packs costs it a connection, on all of them together. */
const MOST_BAD_V1 = 20;
/** Most PINGs and PONGs of a connection in a span. Clients send one in 15 s. */
const MOST_PINGS = 200;
const PING_SPAN_MS = 1000;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 300_000;
const FORGET_MS = 3_600_000;
/** Of so many clients it is remembered; the oldest goes. */
const MOST_CLIENTS = 10_000;

/** These say that the pack is wrong; others that we could not take it. */
const BAD: ReadonlySet<string> = new Set<NackCode>([
  ...(['corrupt', 'digest', 'invalid', 'name', 'limit', 'conflict'] as const),
]);

const tally = (code: string): number => (BAD.has(code) ? 1 : code === 'ack' ? -1 : 0);

interface Strikes {
  count: number;
  until: number;
}

/** One connection's. Both say why it must be closed, where it must. */
export interface Conduct {
  /** A pack of it was answered: `ack`, or the code of the refusal. */
  answered(code: string, isRelayed: boolean): string | undefined;
  /** A PING or PONG came. */
  pinged(): string | undefined;
}

export interface Conducts {
  /** Milliseconds until the client may come in again; 0 where it may. */
  pauseOf(client: string): number;
  /** For a connection of the client. */
  watch(client: string): Conduct;
  /** For all connections of a client together, in a protocol that ends them with a bad pack: until it is struck. */
  watchAll(client: string): Pick<Conduct, 'answered'>;
}

export const createConducts = (ticker: Pick<Ticker, 'now'>): Conducts => {
  /** The one that was struck last is last. */
  const strikes = new Map<string, Strikes>();

  /** Milliseconds. */
  const strike = (client: string): number => {
    const known = strikes.get(client);
    const isForgotten = known === undefined || ticker.now - known.until > FORGET_MS;
    const count = isForgotten ? 1 : known.count + 1;
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (count - 1));
    strikes.delete(client);
    strikes.set(client, { count, until: ticker.now + pause });
    const [oldest] = strikes.keys();
    if (strikes.size > MOST_CLIENTS && oldest !== undefined) strikes.delete(oldest);
    return pause;
  };

  const close = (client: string, why: string): string =>
    `${why}. The connection is closed, and the next one is let in after ${strike(client) / 1000} s.`;

  /** Whoever has sent nothing bad for longest is first. */
  const clients = new Map<string, number>();
  const answeredAll = (client: string, code: string): string | undefined => {
    if (code === 'ack' && !clients.has(client)) return undefined;
    const bad = Math.max(0, (clients.get(client) ?? 0) + tally(code));
    clients.delete(client);
    if (bad >= MOST_BAD_V1) return close(client, `${bad} more packs were bad than good`);
    if (bad > 0) clients.set(client, bad);
    const [oldest] = clients.keys();
    if (clients.size > MOST_CLIENTS && oldest !== undefined) clients.delete(oldest);
    return undefined;
  };

  return {
    watchAll: (client) => ({ answered: (code) => answeredAll(client, code) }),
    pauseOf: (client) => Math.max(0, (strikes.get(client)?.until ?? 0) - ticker.now),
    watch(client) {
      let bad = 0;
      let pings = 0;
      let since = ticker.now;
      return {
        answered(code, isRelayed) {
          bad = Math.max(0, bad + tally(code));
          const most = isRelayed ? MOST_BAD_RELAYED : MOST_BAD;
          return bad < most ? undefined : close(client, `${most} more packs were bad than good`);
        },
        pinged() {
          if (ticker.now - since >= PING_SPAN_MS) {
            since = ticker.now;
            pings = 0;
          }
          if (++pings <= MOST_PINGS) return undefined;
          return close(client, `More than ${MOST_PINGS} PINGs and PONGs came in a second`);
        },
      };
    },
  };
};

/** What a client is told that comes before its pause is over. */
export const pausing = (ms: number): string =>
  `The last connection was closed because of bad packs or a flood: try again in ${Math.ceil(ms / 1000)} s.`;
