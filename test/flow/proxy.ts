/**
 * A man in the middle: sits between agents and a sink, decodes what the agents send, and does to packs what a test asks for.
 *
 * `renumbers`: whatever is dropped, repeated or held back, the sink sees packs numbered without gaps and the agent gets an answer
 * to each of its packs once. Without it the numbers on the connection tell on the proxy.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { runningDigest } from '../../src/pack/digest.ts';
import { checksumOf, countLines } from '../../src/pack/survey.ts';
import type { PackHeader } from '../../src/pack/pack.ts';
import { encodeFrame, FrameDecoder, type FrameHead, HEADER_BYTES } from '../../src/transport/tcp/frame.ts';
import { PREAMBLE } from '../../src/transport/tcp/preamble.ts';

/** A pack on its way. `seq` is the agent's. */
export interface Parcel {
  readonly seq: number;
  readonly header: PackHeader;
  readonly body: Buffer;
}

export interface Road {
  /** Sends a pack on. With `silent` its answer does not go back to the agent. */
  pass(parcel: Parcel, options?: { readonly silent?: true }): void;
  /** Tells the agent that a pack is stored. */
  lie(parcel: Parcel): void;
  /** Sends bytes that are no whole frame, and breaks both connections. */
  breakOff(bytes: Buffer): void;
}

/** What happens to a pack; `road.pass(parcel)` where nothing does. */
export type Tamper = (parcel: Parcel, road: Road) => void;

export interface Proxy extends AsyncDisposable {
  readonly port: number;
  /** Connections so far. */
  readonly connections: number;
}

const BODY_BYTES = 64 << 20;

const framesOf = (
  limits: { readonly bodyBytes: number },
  onFrame: (head: FrameHead, body: Buffer) => void,
): ((chunk: Buffer) => void) => {
  const decoder = new FrameDecoder({ headerBytes: HEADER_BYTES, ...limits });
  let head: FrameHead | undefined;
  return (chunk) => {
    decoder.push(chunk);
    for (;;) {
      head ??= decoder.head();
      const body = head && decoder.body();
      if (head === undefined || body === undefined) return;
      const whole = head;
      head = undefined;
      onFrame(whole, body);
    }
  };
};

const carry = (agent: Socket, sink: Socket, tamper: Tamper, renumbers: boolean): void => {
  /** The sink's number of a pack → the agent's; undefined where the agent is to hear nothing. */
  const numbers = new Map<number, number | undefined>();
  let sent = 0;
  const close = (): void => {
    agent.destroy();
    sink.destroy();
  };
  const road: Road = {
    pass({ seq, header, body }, { silent } = {}) {
      const number = renumbers ? ++sent : seq;
      numbers.set(number, silent ? undefined : seq);
      sink.write(Buffer.concat([encodeFrame('PACK', { ...header, seq: number }, body.length), body]));
    },
    lie: ({ seq }) => void agent.write(encodeFrame('ACK', { seqs: [seq] })),
    breakOff: (bytes) => void sink.write(bytes, close),
  };

  let opening = Buffer.alloc(0);
  const fromAgent = framesOf({ bodyBytes: BODY_BYTES }, (head, body) => {
    if (head.type !== 'PACK') sink.write(encodeFrame(head.type, head.header));
    else {
      const { seq, ...header } = head.header as PackHeader & { seq: number };
      tamper({ seq, header, body: Buffer.from(body) }, road);
    }
  });
  agent.on('data', (chunk: Buffer) => {
    if (opening.length === PREAMBLE.length) return fromAgent(chunk);
    const bytes = Buffer.concat([opening, chunk]);
    opening = bytes.subarray(0, PREAMBLE.length);
    if (opening.length < PREAMBLE.length) return;
    sink.write(opening);
    fromAgent(bytes.subarray(PREAMBLE.length));
  });

  const fromSink = framesOf({ bodyBytes: 0 }, ({ type, header }) => {
    if (type === 'ACK') {
      const seqs = (header as { seqs: number[] }).seqs.flatMap((seq) => numbers.get(seq) ?? []);
      if (seqs.length > 0) agent.write(encodeFrame('ACK', { seqs }));
    } else if (type === 'NACK') {
      const seq = numbers.get((header as { seq: number }).seq);
      if (seq !== undefined) agent.write(encodeFrame('NACK', { ...header, seq }));
    } else agent.write(encodeFrame(type, header));
  });
  sink.on('data', fromSink);
  for (const socket of [agent, sink]) socket.on('error', close).on('close', close);
};

export const startProxy = async (port: number, tamper: Tamper, renumbers: boolean): Promise<Proxy> => {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server: Server = createServer((agent) => {
    connections++;
    const sink = connect({ port, host: '127.0.0.1', noDelay: true });
    for (const socket of [agent, sink]) {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    }
    carry(agent, sink, tamper, renumbers);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
};

const rawOf = ({ header, body }: Parcel): Buffer =>
  header.codec === 'zstd' ? zstdDecompressSync(body) : body;

/** The pack with other bytes, its body encoded and its checksum and counts made right: only digests can tell. */
export const withBytes = (parcel: Parcel, change: (raw: Buffer) => Buffer): Parcel => {
  const raw = change(Buffer.from(rawOf(parcel)));
  return {
    seq: parcel.seq,
    header: { ...parcel.header, bytes: raw.length, lines: countLines(raw), checksum: checksumOf(raw) },
    body: parcel.header.codec === 'zstd' ? zstdCompressSync(raw) : raw,
  };
};

/** The digest too, as far as it can be made right: that of the first pack of a segment. */
export const withDigest = (parcel: Parcel): Parcel => {
  const digest = runningDigest();
  digest.update(rawOf(parcel));
  return { ...parcel, header: { ...parcel.header, sha256: digest.hex() } };
};
