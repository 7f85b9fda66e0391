/**
 * One of the two processes of the floor (floor.ts). Commands come, and answers go, over the channel to the parent. The digests are
 * of what was read, and of what was decompressed.
 *
 *   reader PORT   → { ship: path } … ← { sha256 }      reads, hashes, surveys, compresses and sends each pack
 *   writer STORE  ← { port } … → { } ← { sha256 }      decompresses, surveys, hashes and writes each pack; STORE is a Compression
 *
 * On the wire, for each pack: body length, raw length and checksum (32 bits each, big endian), then the body. Each pack is answered
 * with one byte once it is written.
 */
import { once } from 'node:events';
import { type FileHandle, open } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { availableParallelism } from 'node:os';
import { cutPoint } from '../src/cut/pack-end.ts';
import { free } from '../src/pack/codec.ts';
import { createDecoder } from '../src/pack/decoder.ts';
import { runningDigest } from '../src/pack/digest.ts';
import { createEncoder } from '../src/pack/encoder.ts';
import { survey } from '../src/pack/survey.ts';

const PACK_BYTES = 1 << 20;
const HEAD_BYTES = 12;
/** Packs on their way, and buffers for those that are read and compressed. */
const WINDOW = 64;
const BUFFERS = 6;

const tell = (message: object): void => void process.send?.(message);

/** So many at a time; more wait for their turn. */
const turnstile = (most: number) => {
  let room = most;
  const waiting: (() => void)[] = [];
  return {
    enter: (): Promise<void> | undefined =>
      room-- > 0 ? undefined : new Promise((resolve) => waiting.push(resolve)),
    leave(): void {
      room++;
      waiting.shift()?.();
    },
  };
};

const read = async (port: number): Promise<void> => {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const encode = createEncoder(1, availableParallelism() + 1);
  const window = turnstile(WINDOW);
  const turns = turnstile(BUFFERS);
  const buffers: Buffer[] = Array.from({ length: BUFFERS }, () => Buffer.allocUnsafeSlow(PACK_BYTES));
  socket.on('data', (answers: Buffer) => answers.forEach(() => window.leave()));

  const send = async (raw: Buffer, checksum: number, before: Promise<void>): Promise<void> => {
    const body = await encode(raw);
    await before;
    const head = Buffer.allocUnsafeSlow(HEAD_BYTES);
    head.writeUInt32BE(body.length, 0);
    head.writeUInt32BE(raw.length, 4);
    head.writeUInt32BE(checksum, 8);
    socket.cork();
    socket.write(head);
    socket.write(body, () => free(body));
    socket.uncork();
  };

  const ship = async (path: string): Promise<string> => {
    await using file = await open(path);
    const { size } = await file.stat();
    const digest = runningDigest();
    const begin = async (at: number): Promise<{ buffer: Buffer; bytes: number }> => {
      await turns.enter();
      const buffer = buffers.pop()!;
      return { buffer, bytes: (await file.read(buffer, 0, PACK_BYTES, at)).bytesRead };
    };
    let sha256 = digest.hex();
    let sent = Promise.resolve();
    let at = 0;
    let next = begin(0);
    while (at < size) {
      const { buffer, bytes } = await next;
      const rule = { packBytes: PACK_BYTES, maxLine: PACK_BYTES, final: at + bytes === size };
      const raw = buffer.subarray(0, cutPoint(buffer.subarray(0, bytes), rule).length);
      at += raw.length;
      if (at < size) next = begin(at);
      const { checksum } = survey(raw);
      digest.update(raw);
      sha256 = digest.hex();
      await window.enter();
      sent = send(raw, checksum, sent);
      void sent.finally(() => {
        buffers.push(buffer);
        turns.leave();
      });
    }
    await sent;
    for (let n = 0; n < WINDOW; n++) await window.enter();
    for (let n = 0; n < WINDOW; n++) window.leave();
    return sha256;
  };

  process.on('message', (command: { readonly ship: string }) => {
    void ship(command.ship).then((sha256) => tell({ sha256 }));
  });
};

/** Takes bytes in any chunking apart into packs. */
const unpack = (socket: Socket, onPack: (body: Buffer, rawBytes: number, checksum: number) => void): void => {
  const head = Buffer.alloc(HEAD_BYTES);
  let headBytes = 0;
  let body: Buffer | undefined;
  let bodyBytes = 0;
  socket.on('data', (chunk: Buffer) => {
    let at = 0;
    while (at < chunk.length) {
      if (body === undefined) {
        const copied = chunk.copy(head, headBytes, at);
        headBytes += copied;
        at += copied;
        if (headBytes < HEAD_BYTES) break;
        headBytes = 0;
        bodyBytes = 0;
        body = Buffer.allocUnsafeSlow(head.readUInt32BE(0));
      }
      const copied = chunk.copy(body, bodyBytes, at);
      bodyBytes += copied;
      at += copied;
      if (bodyBytes < body.length) continue;
      onPack(body, head.readUInt32BE(4), head.readUInt32BE(8));
      body = undefined;
    }
    free(chunk);
  });
};

const write = async (path: string, compressed: boolean): Promise<void> => {
  const decode = createDecoder(availableParallelism());
  const file: FileHandle = await open(path, 'w');
  let digest = runningDigest();
  let end = 0;
  let turn = Promise.resolve();
  const server = createServer((socket) => {
    unpack(socket, (body, rawBytes, checksum) => {
      const decoded = decode(body, 'zstd', rawBytes);
      turn = turn.then(async () => {
        const { raw, release } = await decoded;
        if (survey(raw).checksum !== checksum) throw new Error('A pack has another checksum than was sent.');
        digest.update(raw);
        digest.hex();
        const bytes = compressed ? body : raw;
        for (let done = 0; done < bytes.length;)
          done += (await file.write(bytes, done, bytes.length - done, end + done)).bytesWritten;
        end += bytes.length;
        release();
        free(body);
        socket.write('.');
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address === 'object' && address !== null) tell({ port: address.port });
  process.on('message', () => {
    const sha256 = digest.hex();
    digest = runningDigest();
    end = 0;
    void file.truncate(0).then(() => tell({ sha256 }));
  });
};

const [role, argument, path] = process.argv.slice(2);
if (role === 'reader') await read(Number(argument));
else await write(path!, argument === 'zstd');
