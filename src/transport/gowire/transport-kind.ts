/** Wire v1, that of the Go system, as a transport. */
import { V1Connection } from './connection.ts';
import type { TransportKind } from '../transport.ts';

/** Milliseconds. */
const TIMEOUTS = { connect: 10_000, answer: 60_000 };

export const goWireTransport: TransportKind = {
  kind: 'gowire',
  summary: 'The protocol of the Go system: one stream, one pack in flight.',
  connect: async ({ address, stream }, { clock, signal }) => {
    const { connectV1 } = await import('./client.ts');
    return connectV1({ address, stream, clock, signal, timeouts: TIMEOUTS });
  },
  protocol: {
    label: 'wire v1',
    // A varint padded with zeros to 4 bytes: the 4th is 0 for every header below 2 MiB.
    serve: (serving, socket, first, guest) => new V1Connection(serving, socket, first, guest),
    isServed: ({ onLoosePack }) => onLoosePack !== undefined,
    recognise: (first) => (first.length < 4 ? 'more' : first[3] === 0 ? 'yes' : 'no'),
  },
};
