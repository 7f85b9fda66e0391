/**
 * Who is let in, and who waits before the door: a crowd that says nothing must not keep out those who have something to say.
 *
 *   accepted ─▶ stranger ─ says who it is ─▶ heard ─ may come in ─▶ inside
 *                  │                           └ may not ─▶ told, closed
 *                  └ too many strangers: the one that has been silent for longest is closed
 *
 * Invariants
 * - Strangers have a budget of their own beside those inside, and each address a half of it. A newcomer is always taken up.
 * - Nobody is closed before its first bytes could have been read: a connection is as old as the turns of the event loop in which its
 *   socket was looked at, and those of the last two turns stay.
 * - Whoever has said who it is stays while that is looked at.
 */
import type { Socket } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Turns of the event loop after which what a newcomer sent with its connection has been read. */
const TURNS = 2;
/** Bytes of an IPv6 address that name a network; whoever has one has all addresses in it. */
const NETWORK_BYTES = 8;

/** One connection, as the door knows it. */
export interface Guest {
  /** The ticker's time when it was accepted. */
  readonly since: number;
  /** It has said who it is, and that is being looked at; or it was found out, and may be closed again. */
  heard(is: boolean): void;
  /** Lets it in; false where all places are taken. */
  letIn(): boolean;
}

export interface DoorOptions {
  /** Most connections inside. */
  readonly connections: number;
  /** Most strangers; at most half of them from one address. */
  readonly strangers: number;
  /** Called after strangers were closed to make room, with their number. */
  readonly onClosed: (closed: number) => void;
}

export interface Door {
  /** Connections that were let in. */
  readonly inside: number;
  readonly isFull: boolean;
  /** Takes up a connection, until its socket is closed. `since`: the ticker's time. */
  enter(socket: Socket, since: number): Guest;
}

interface Stranger {
  readonly socket: Socket;
  readonly address: string;
  readonly turn: number;
  isHeard: boolean;
}

/** What a client is told where there is no place. */
export const allTaken = ({ connections }: { readonly connections: number }): string =>
  `${connections} connections are open, which is the limit: try again later.`;

/** What counts as one address: of IPv6 the network. */
export const addressOf = ({ remoteAddress = '' }: Pick<Socket, 'remoteAddress'>): string => {
  if (!ipaddr.isValid(remoteAddress)) return remoteAddress;
  const address = ipaddr.process(remoteAddress);
  const bytes = address.toByteArray();
  return address.kind() === 'ipv4' ? bytes.join('.') : bytes.slice(0, NETWORK_BYTES).join(':');
};

export const createDoor = ({ connections, strangers, onClosed }: DoorOptions): Door => {
  const ofAddress = Math.max(1, strangers >> 1);
  /** Oldest first. */
  const waiting = new Set<Stranger>();
  const counts = new Map<string, number>();
  let inside = 0;
  let turn = 0;
  let sweeping = false;

  const remove = (stranger: Stranger): void => {
    if (!waiting.delete(stranger)) return;
    const left = (counts.get(stranger.address) ?? 1) - 1;
    if (left > 0) counts.set(stranger.address, left);
    else counts.delete(stranger.address);
  };

  const hasTooMany = ({ address }: Stranger): boolean => (counts.get(address) ?? 0) > ofAddress;
  const areTooMany = (): boolean => waiting.size > strangers;

  const closeWhile = (isCrowd: (stranger: Stranger) => boolean): number => {
    let closed = 0;
    for (const stranger of waiting) {
      if (!isCrowd(stranger) || stranger.isHeard || turn - stranger.turn < TURNS) continue;
      remove(stranger);
      stranger.socket.destroy();
      closed++;
    }
    return closed;
  };

  const sweep = (): void => {
    turn++;
    const closed = closeWhile(hasTooMany) + closeWhile(areTooMany);
    if (closed > 0) onClosed(closed);
    sweeping = areTooMany() || [...waiting].some(hasTooMany);
    if (sweeping) setImmediate(sweep);
  };

  return {
    get inside() {
      return inside;
    },
    get isFull() {
      return inside >= connections;
    },
    enter(socket, since) {
      const stranger: Stranger = { socket, address: addressOf(socket), turn, isHeard: false };
      let isInside = false;
      waiting.add(stranger);
      counts.set(stranger.address, (counts.get(stranger.address) ?? 0) + 1);
      socket.once('close', () => {
        remove(stranger);
        if (isInside) inside--;
      });
      if (!sweeping && (areTooMany() || hasTooMany(stranger))) {
        sweeping = true;
        setImmediate(sweep);
      }
      return {
        since,
        heard: (is) => void (stranger.isHeard = is),
        letIn() {
          if (isInside) return true;
          if (inside >= connections) return false;
          isInside = true;
          inside++;
          remove(stranger);
          return true;
        },
      };
    },
  };
};
