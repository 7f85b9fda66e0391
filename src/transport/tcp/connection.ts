/**
 * The receiving end of one connection of wire v2, from its preamble on: HELLO → packs and answers → BYE.
 *
 * Invariants
 * - Memory: a body's buffer is taken only once the window of this connection has room for it, and grows as its bytes come and the
 *   budget of all connections allows. Until then the socket is not read, so that a client that sends more waits in its own kernel.
 * - Packs are handed over in order of arrival, without waiting for answers; each gets one ACK or NACK.
 * - A frame that has begun to arrive is whole within `frameTimeout`, not counting time in which we do not read: nobody holds
 *   budget by dripping bytes.
 */
import type { Socket } from 'node:net';
import { LogdError, messageOf } from '../../error.ts';
import type { PackHeader } from '../../pack/pack.ts';
import { AnswerQueue } from './answers.ts';
import { encodeFrame, FrameDecoder, type FrameHead, HEADER_BYTES, HELLO_BYTES } from './frame.ts';
import { answerTo, type Incoming, readIncoming } from './incoming.ts';
import { isFault, namesIn, readMessage, shorten } from './messages.ts';
import type { Message, PackFault, RefuseCode } from './messages.ts';
import type { Answer } from '../../pack/answer.ts';
import { type BodyMemory, type ConnectionShare, TOO_SLOW } from '../body-shares.ts';
import type { Conduct } from '../conduct.ts';
import { addressOf, type Guest } from '../door.ts';
import type { NamedConnection } from '../node-names.ts';
import type { PackConnection, Peer, Serving, WantedRun } from '../transport.ts';
import { helloFault, letIn, welcomeFrame } from './greeting.ts';
import { PREAMBLE } from './preamble.ts';
import { answerQuestion, readCannot, wantFrames } from './questions.ts';
import { Resumption } from './resumption.ts';
import { tokenFault } from './token.ts';

/** A wrong token is answered after so many milliseconds, so that guessing is slow. */
const TOKEN_DELAY = 200;
/** How long a refused client may go on sending, so that it can read why. Closing at once would reset the connection. */
const LINGER = 1000;
/** A client that got our BYE, owes us its own and sends nothing for so long is gone. */
const DRAIN_SILENCE = 1000;

/** Of so many hosts a connection remembers that their packs came on it. */
const MOST_HOSTS = 10_000;

export class ServerConnection implements PackConnection {
  /** `hello`: HELLO is not there yet. `token`: it is being looked at. `leaving`: whatever comes is thrown away. */
  #state: 'hello' | 'token' | 'open' | 'leaving' | 'closed' = 'hello';
  readonly #serving: Serving;
  readonly #socket: Socket;
  readonly #guest: Guest;
  readonly #share: ConnectionShare;
  readonly #decoder = new FrameDecoder({ headerBytes: HELLO_BYTES, bodyBytes: 0 });
  readonly #answers: AnswerQueue;
  readonly #address: string;
  /** Bytes of the preamble that are still to come. */
  #preambleLeft = PREAMBLE.length;
  #peer: Peer | undefined;
  #conduct: Conduct | undefined;
  #named: NamedConnection | undefined;
  /** Hosts whose packs came; undefined where the client cannot be asked for packs again. */
  #hosts: Set<string> | undefined;
  #incoming: Incoming | undefined;
  readonly #resumption: Resumption;
  #seq = 0;
  /** A question is being answered. */
  #asked = false;
  #unanswered = 0;
  #unansweredBytes = 0;
  #clientSaidBye = false;
  #draining = false;
  /** Times are the ticker's. */
  #stateSince: number;
  #lastByte: number;
  #lastSent: number;
  #frameSince: number | undefined;
  #tokenTimer: NodeJS.Timeout | undefined;

  /** `first` is what has been read of the socket: the preamble, or less of it from a client that is turned away. */
  constructor(serving: Serving, socket: Socket, first: Buffer, guest: Guest) {
    this.#serving = serving;
    this.#socket = socket;
    this.#guest = guest;
    this.#share = serving.bodies.share();
    this.#resumption = new Resumption(serving.brokenOff);
    this.#address = `${socket.remoteFamily === 'IPv6' ? `[${socket.remoteAddress}]` : socket.remoteAddress}:${socket.remotePort}`;
    this.#stateSince = guest.since;
    this.#lastByte = this.#lastSent = serving.ticker.now;
    this.#answers = new AnswerQueue(
      (frames) => this.#send(frames),
      () => serving.ledger?.mark(),
    );
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('drain', () => this.#pump());
    // What went wrong with the connection shows as its end; the packs are safe with whoever sent them.
    socket.on('error', () => undefined);
    socket.once('close', () => this.#closed());
    if (first.length > 0) this.#receive(first);
  }

  get peer(): Peer | undefined {
    return this.#peer;
  }

  /** Says why, and closes. */
  refuse(code: RefuseCode, message: string): void {
    this.#serving.emit('receive.refused', { peer: this.#address, code, reason: message });
    this.#refuse(code, message);
  }

  /** Takes no new packs; closes once those on their way are answered. */
  drain(): void {
    if (this.#isBefore()) this.refuse('closing', 'The node is shutting down: try again later.');
    if (this.#state !== 'open' || this.#draining) return;
    this.#draining = true;
    this.#lastByte = this.#serving.ticker.now;
    this.#send(encodeFrame('BYE', {}));
    this.#finish();
  }

  carries(host: string): boolean | undefined {
    return this.#state === 'open' ? this.#hosts?.has(host) : undefined;
  }

  want(runs: readonly WantedRun[]): void {
    if (this.#state === 'open') for (const frame of wantFrames(runs)) this.#send(frame);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Called at each tick: cuts off whoever lets us wait too long. */
  tick(): void {
    const { ticker, limits, pingInterval } = this.#serving;
    if (this.#state === 'leaving') {
      if (ticker.expired(this.#stateSince, LINGER)) this.destroy();
    } else if (this.#isBefore()) {
      if (ticker.expired(this.#stateSince, limits.helloTimeout)) this.#timeOut('HELLO', limits.helloTimeout);
    } else if (this.#state === 'open') {
      if (this.#waitsForRoom()) this.#lastByte = ticker.now;
      if (this.#draining && this.#unanswered === 0 && ticker.expired(this.#lastByte, DRAIN_SILENCE))
        return this.destroy();
      if (this.#frameSince !== undefined && ticker.expired(this.#frameSince, limits.frameTimeout))
        this.#timeOut('The rest of a frame', limits.frameTimeout);
      else if (ticker.expired(this.#lastByte, limits.idleTimeout))
        this.#timeOut('Any sign of life', limits.idleTimeout);
      else if (ticker.expired(this.#lastSent, pingInterval)) this.#send(encodeFrame('PING', {}));
    }
  }

  /** It has not been let in, nor turned away. */
  #isBefore(): boolean {
    return this.#state === 'hello' || this.#state === 'token';
  }

  #timeOut(what: string, timeout: number): void {
    this.#violated('timeout', `${what} did not come within ${timeout} ms.`);
  }

  #receive(chunk: Buffer): void {
    this.#lastByte = this.#serving.ticker.now;
    if (!this.#isBefore() && this.#state !== 'open') return;
    const skipped = Math.min(this.#preambleLeft, chunk.length);
    this.#preambleLeft -= skipped;
    this.#decoder.push(chunk.subarray(skipped));
    this.#pump();
  }

  /** Goes on as far as the bytes that are here, the window and the budget allow; then stops or resumes reading. */
  #pump(): void {
    try {
      while ((this.#state === 'hello' || this.#state === 'open') && this.#step());
    } catch (error) {
      const known = error instanceof LogdError && error.code === 'limit' ? 'limit' : 'protocol';
      this.#violated(known, messageOf(error));
    }
    if (this.#state !== 'open') return;
    const blocked = this.#waitsForRoom() || this.#socket.writableNeedDrain;
    if (blocked !== this.#socket.isPaused()) {
      if (blocked) this.#socket.pause();
      else this.#socket.resume();
    }
    if (blocked || !this.#decoder.midFrame) this.#frameSince = undefined;
    else this.#frameSince ??= this.#lastByte = this.#serving.ticker.now;
  }

  /** One step of the connection; false when it has to wait for something. */
  #step(): boolean {
    const incoming = this.#incoming;
    if (incoming === undefined) {
      if (this.#socket.writableNeedDrain) return false;
      const head = this.#decoder.head();
      if (head === undefined) return false;
      this.#frameSince = undefined;
      if (this.#state === 'hello') this.#hello(head);
      else this.#takeHead(head);
      return true;
    }
    if (isFault(incoming.pack)) return this.#turnAway(incoming, incoming.pack);
    const memory = (incoming.memory ??= this.#makeRoom(incoming));
    return memory !== undefined && this.#takeBody(incoming, incoming.pack, memory);
  }

  #hello(head: FrameHead): void {
    const { tokens } = this.#serving;
    const hello = readMessage('HELLO', head);
    const fault = helloFault(hello);
    if (fault !== undefined) return this.refuse(fault.code, fault.message);
    if (hello.repull === true) this.#hosts = new Set();
    if (tokens === undefined) return this.#welcome(hello);
    this.#state = 'token';
    this.#guest.heard(true);
    // What follows HELLO waits in the client's kernel.
    this.#socket.pause();
    void tokens().then((right) => {
      if (this.#state !== 'token') return;
      const wrong = tokenFault(hello.token, right);
      if (wrong !== undefined) return this.#refuseToken(wrong);
      this.#welcome(hello);
      this.#pump();
    });
  }

  #welcome({ node: peer, process }: Message<'HELLO'>): void {
    const { limits, conducts, names, emit } = this.#serving;
    const client = `${peer} ${addressOf(this.#socket)}`;
    const fault = letIn(this.#serving, this.#guest, client);
    if (fault !== undefined) return this.refuse(fault.code, fault.message);
    this.#conduct = conducts.watch(client);
    this.#peer = { node: peer, address: this.#address };
    this.#state = 'open';
    this.#decoder.limits = { headerBytes: HEADER_BYTES, bodyBytes: limits.bodyBytes };
    this.#send(welcomeFrame(this.#serving, this.#resumption.greet(peer)));
    emit('receive.connected', { node: peer, peer: this.#address });
    const ask = (): void => this.#send(encodeFrame('PING', {}));
    this.#named = { address: this.#address, process, ask };
    names.enter(peer, this.#named);
  }

  #refuseToken(fault: string): void {
    this.#leave();
    this.#tokenTimer = setTimeout(() => this.refuse('token', fault), TOKEN_DELAY);
  }

  #takeHead(head: FrameHead): void {
    if (head.type === 'PACK' && !this.#clientSaidBye) {
      const incoming = readIncoming(head, this.#seq, this.#serving.limits, this.#resumption);
      this.#seq = incoming.seq;
      this.#incoming = incoming;
      if (incoming.begun?.beginning !== undefined) this.#decoder.beginBody(incoming.begun.beginning);
    } else if (head.type === 'HAVE' && !this.#asked) {
      this.#asked = true;
      void this.#reply(readMessage('HAVE', head));
    } else if (head.type === 'CANNOT') {
      this.#serving.onCannot?.(readCannot(head), this.#peer!);
    } else if (head.type === 'PING' || head.type === 'PONG' || (head.type === 'BYE' && this.#clientSaidBye)) {
      if (this.#judge(this.#conduct?.pinged()) && head.type === 'PING') this.#send(encodeFrame('PONG', {}));
      if (head.type === 'PONG' && this.#named) this.#serving.names.answered(this.#peer!.node, this.#named);
    } else if (head.type === 'BYE') {
      this.#clientSaidBye = true;
      this.#finish();
    } else {
      throw new LogdError('protocol', `A ${head.type} frame came where it is not allowed.`);
    }
  }

  /** One question at a time, so that nobody fills memory with them. */
  async #reply({ seq, ...question }: Message<'HAVE'>): Promise<void> {
    const frame = await answerQuestion(this.#serving, seq, question, () => {
      if (this.#peer !== undefined)
        this.#serving.emit('receive.ledger-older', { node: this.#peer.node, peer: this.#address });
    });
    this.#asked = false;
    if (this.#state === 'open') this.#send(frame);
  }

  /** Throws the body of a faulty pack away and says so. */
  #turnAway({ seq, head }: Incoming, { code, message, retryable }: PackFault): boolean {
    if (!this.#decoder.skip()) return false;
    this.#incoming = undefined;
    this.#serving.emit('receive.bad-pack', {
      ...namesIn(head.header),
      ...{ peer: this.#address, code, reason: message },
    });
    this.#answers.add(seq, { kind: 'nack', code, message, retryable });
    this.#judge(this.#conduct?.answered(code, 'route' in head.header));
    return true;
  }

  /** Closes the connection where there is a reason to; false then. */
  #judge(why: string | undefined): boolean {
    if (why !== undefined && this.#state === 'open') this.#violated('busy', why);
    return why === undefined;
  }

  /** Memory for a body, where the window has room for it. */
  #makeRoom(incoming: Incoming): BodyMemory | undefined {
    const { windowPacks, windowBytes } = this.#serving.limits;
    const bytes = incoming.bodyBytes;
    const fits = this.#unanswered < windowPacks && this.#unansweredBytes + bytes <= windowBytes;
    if (!fits && this.#unanswered > 0) return undefined;
    return this.#share.begin(
      bytes,
      () => this.#pump(),
      () => this.#violated('timeout', TOO_SLOW),
    );
  }

  #waitsForRoom(): boolean {
    return (
      this.#incoming !== undefined && !isFault(this.#incoming.pack) && (this.#incoming.memory?.waits ?? true)
    );
  }

  #takeBody(incoming: Incoming, header: PackHeader, memory: BodyMemory): boolean {
    if (memory.waits) return false;
    const body = this.#decoder.body(memory.room);
    memory.arrived = this.#decoder.bodyArrived;
    if (body === undefined) return memory.arrived === memory.room && memory.grow();
    this.#incoming = undefined;
    this.#frameSince = undefined;
    this.#unanswered++;
    this.#unansweredBytes += incoming.bodyBytes;
    if (this.#hosts !== undefined && this.#hosts.size < MOST_HOSTS) this.#hosts.add(header.host);
    const answer = incoming.begun?.answer ?? answerTo(this.#serving, { header, body }, this.#peer!);
    this.#resumption.came(incoming.sending, answer);
    void this.#answer(incoming, answer);
    return true;
  }

  async #answer({ seq, head, bodyBytes, memory }: Incoming, due: Promise<Answer>): Promise<void> {
    const answer = await due;
    this.#unanswered--;
    this.#unansweredBytes -= bodyBytes;
    if (this.#state === 'open') {
      this.#answers.add(seq, answer);
      const code = answer.kind === 'ack' ? 'ack' : answer.code;
      if (this.#judge(this.#conduct?.answered(code, 'route' in head.header))) this.#finish();
    }
    memory?.release();
    if (this.#state === 'open' && this.#waitsForRoom()) this.#pump();
  }

  /** Closes when the client has no more packs and all are answered. */
  #finish(): void {
    if (!this.#clientSaidBye || this.#unanswered > 0 || this.#state !== 'open') return;
    this.#answers.flush();
    this.#leave();
    this.#socket.end();
  }

  #violated(code: 'protocol' | 'limit' | 'timeout' | 'busy', message: string): void {
    this.#serving.emit('receive.bad-frame', { peer: this.#address, code, reason: message });
    this.#refuse(code, message);
  }

  #refuse(code: RefuseCode, message: string): void {
    if (this.#state === 'closed') return;
    this.#answers.flush();
    this.#leave();
    this.#socket.end(encodeFrame('REFUSE', { code, message: shorten(message) }));
  }

  #leave(): void {
    this.#state = 'leaving';
    this.#stateSince = this.#serving.ticker.now;
    this.#guest.heard(false);
    this.#dropIncoming();
    this.#socket.resume();
  }

  #dropIncoming(): void {
    const { memory, sending } = this.#incoming ?? {};
    if (this.#peer !== undefined)
      this.#resumption.leave(this.#peer.node, sending, memory && this.#decoder.part);
    this.#incoming = undefined;
    this.#decoder.drop();
    memory?.release();
  }

  #closed(): void {
    if (this.#peer !== undefined) {
      const { node } = this.#peer;
      if (this.#named) this.#serving.names.leave(node, this.#named);
      this.#serving.emit('receive.disconnected', { node, peer: this.#address });
    }
    this.#state = 'closed';
    clearTimeout(this.#tokenTimer);
    this.#answers.close();
    this.#dropIncoming();
  }

  #send(frame: Buffer): void {
    if (!this.#socket.writable) return;
    this.#lastSent = this.#serving.ticker.now;
    this.#socket.write(frame);
  }
}
