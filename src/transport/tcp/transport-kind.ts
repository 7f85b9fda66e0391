/** Our own wire, v2, as a transport: docs/PROTOCOL.md. */
import type { TransportKind } from '../transport.ts';
import { ServerConnection } from './connection.ts';
import { recognise } from './preamble.ts';

/** Milliseconds. */
const TIMEOUTS = { connect: 10_000, answer: 60_000, ping: 15_000 };

export const tcpTransport: TransportKind = {
  kind: 'tcp',
  summary: "logd's own protocol over TCP: many packs in flight, each acknowledged once it is durable.",
  connect: async ({ address }, { token, ...deps }) => {
    const { connect } = await import('./client.ts');
    return connect({ address, ...(token !== undefined && { token }), ...deps, timeouts: TIMEOUTS });
  },
  protocol: {
    label: 'wire v2',
    recognise,
    serve: (serving, socket, first, guest) => new ServerConnection(serving, socket, first, guest),
  },
};
