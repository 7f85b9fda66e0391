/**
 * Which node is connected, so that two processes under one name are found at once. A connection that lingers after its process reconnected, or
 * was started again, is no second one:
 *
 *   HELLO of a name that is connected, from another process ─▶ the earlier connection is asked for a sign of life
 *                                                             └ answers ─▶ both live: said once in a while for each name
 *
 * Invariant: one question for each HELLO, however many connections a name has.
 */
import type { Emit } from '../telemetry/events.ts';
import type { Ticker } from './ticker.ts';

/** How long nothing more is said of a name. */
const SAID_MS = 600_000;

export interface NamedConnection {
  readonly address: string;
  /** Made up by the client's process at its start; undefined from one that does not say it, of which nothing is known. */
  readonly process: string | undefined;
  /** Asks for a sign of life. */
  ask(): void;
}

export interface NodeNames {
  /** A node was let in. */
  enter(node: string, connection: NamedConnection): void;
  /** It has answered a question for a sign of life. */
  answered(node: string, connection: NamedConnection): void;
  leave(node: string, connection: NamedConnection): void;
}

interface Named {
  /** Oldest first. */
  readonly connections: Set<NamedConnection>;
  /** The one that was asked, and who came. */
  doubt?: { readonly asked: NamedConnection; readonly other: NamedConnection } | undefined;
  saidAt?: number;
}

export const createNodeNames = (ticker: Pick<Ticker, 'now' | 'expired'>, emit: Emit): NodeNames => {
  const names = new Map<string, Named>();
  return {
    enter(node, connection) {
      const named = names.get(node) ?? { connections: new Set() };
      names.set(node, named);
      const isSaid = named.saidAt !== undefined && !ticker.expired(named.saidAt, SAID_MS);
      const asked = [...named.connections].findLast(
        ({ process }) => process !== undefined && process !== connection.process,
      );
      named.connections.add(connection);
      if (asked === undefined || connection.process === undefined || isSaid) return;
      named.doubt = { asked, other: connection };
      asked.ask();
    },
    answered(node, connection) {
      const named = names.get(node);
      if (named?.doubt?.asked !== connection) return;
      const { other } = named.doubt;
      named.doubt = undefined;
      if (!named.connections.has(other)) return;
      named.saidAt = ticker.now;
      emit('receive.name-twice', { node, peer: connection.address, other: other.address });
    },
    leave(node, connection) {
      const named = names.get(node);
      named?.connections.delete(connection);
      if (named?.doubt?.asked === connection) named.doubt = undefined;
      if (named?.connections.size === 0) names.delete(node);
    },
  };
};
