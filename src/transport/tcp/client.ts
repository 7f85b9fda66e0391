/**
 * The sending end of wire v2: opens a connection, says HELLO, and carries packs and their answers.
 *
 * Invariant: each pack that send() takes gets exactly one end: the answer, or a rejection when the connection is over.
 */
import { randomUUID } from 'node:crypto';
import { connect as connectSocket, type Socket } from 'node:net';
import { formatAddress } from '../../config/address.ts';
import { LogdError, errnoOf, messageOf } from '../../error.ts';
import { fault } from '../../fault/fault.ts';
import type { Pack } from '../../pack/pack.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { HEADER_BYTES, FrameDecoder, encodeFrame } from './frame.ts';
import type { FrameHead } from './frame.ts';
import { VERSION, checkOwnPack, isRetryable, readMessage } from './messages.ts';
import type { Message } from './messages.ts';
import type { Answer } from '../../pack/answer.ts';
import type { LedgerMark } from '../../pack/ledger-mark.ts';
import type {
  Ask,
  ConnectDeps,
  LedgerQuestion,
  LedgerReply,
  PeerLimits,
  UnavailableRun,
  Upstream,
} from '../transport.ts';
import { PREAMBLE } from './preamble.ts';
import { cannotFrames } from './questions.ts';
import { startTicker } from '../ticker.ts';
import type { Ticker } from '../ticker.ts';

/** Tells us from another process of the same name. */
const PROCESS = randomUUID();

/** Milliseconds each. */
export interface ClientTimeouts {
  /** From the first step until WELCOME. */
  readonly connect: number;
  /** With no byte from the server while something is unanswered. The server shows signs of life every 15 s. */
  readonly answer: number;
  /** After so long without a byte from the server, a PING is sent. */
  readonly ping: number;
}

export interface ConnectOptions {
  readonly address: { readonly host: string; readonly port: number };
  /** Our name. */
  readonly node: string;
  readonly process?: string;
  readonly token?: string;
  /** What we call ourselves in HELLO, such as `logd/0.1.0`. */
  readonly software?: string;
  readonly clock: Clock;
  /** See ConnectDeps. */
  readonly onWant?: ConnectDeps['onWant'];
  /** Ends the attempt; once connected it has no more effect, so that a drain can wait for answers. */
  readonly signal: AbortSignal;
  readonly timeouts: ClientTimeouts;
}

/**
 * Connects and waits to be let in. Rejects with LogdError: `unreachable` (retryable), `refused` (with the server's words;
 * retryable says whether waiting can help), `protocol` or `limit` (no logd speaks there), `closed` (the signal).
 */
export const connect = async (options: ConnectOptions): Promise<Upstream> => {
  const { address, signal, timeouts } = options;
  const where = formatAddress(address);
  if (signal.aborted) throw new LogdError('closed', `Connecting to ${where} was called off.`);
  const socket = connectSocket({ host: address.host, port: address.port, noDelay: true });
  const connection = new ClientConnection(socket, where, options);
  const giveUp = (): void =>
    connection.end(new LogdError('closed', `Connecting to ${where} was called off.`));
  signal.addEventListener('abort', giveUp, { once: true });
  const timer = setTimeout(() => {
    connection.end(
      unreachable(`${where} did not let us in within ${timeouts.connect} ms: is it a logd sink?`),
    );
  }, timeouts.connect);
  try {
    return await connection.welcomed;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
  }
};

const unreachable = (message: string, cause?: unknown): LogdError =>
  new LogdError('unreachable', message, { retryable: true, cause });

interface Unanswered {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: LogdError) => void;
}

class ClientConnection implements Upstream {
  readonly ended: Promise<LogdError>;
  /** Resolves with this connection at WELCOME, rejects when it ends before. */
  readonly welcomed: Promise<Upstream>;
  readonly #socket: Socket;
  readonly #where: string;
  readonly #timeouts: ClientTimeouts;
  readonly #onWant: ConnectDeps['onWant'];
  readonly #ticker: Ticker;
  readonly #decoder = new FrameDecoder({ headerBytes: HEADER_BYTES, bodyBytes: 0 });
  readonly #unanswered = new Map<number, Unanswered>();
  readonly #closed: Promise<void>;
  #welcome: Message<'WELCOME'> | undefined;
  #seq = 0;
  /** What the server has of packs that an earlier connection broke off: sending → bytes, undefined for all of them. */
  #begun = new Map<string, number | undefined>();
  #ledger: LedgerMark | undefined;
  #questions = 0;
  #askTurn: Promise<unknown> = Promise.resolve();
  #asking: PromiseWithResolvers<LedgerReply> | undefined;
  /** The server said BYE: no more packs. */
  #leaving = false;
  #end: LogdError | undefined;
  #onEnd!: (error: LogdError) => void;
  #onWelcome!: () => void;
  #lastByte = 0;
  /** When the oldest thing that is still unanswered began to wait, or the last byte came. */
  #waitingSince = 0;
  #pinged = false;

  constructor(socket: Socket, where: string, options: ConnectOptions) {
    this.#socket = socket;
    this.#where = where;
    this.#timeouts = options.timeouts;
    this.#onWant = options.onWant;
    this.ended = new Promise((resolve) => (this.#onEnd = resolve));
    this.welcomed = new Promise((resolve, reject) => {
      this.#onWelcome = () => resolve(this);
      void this.ended.then(reject);
    });
    // A caller that disposes of a connection need not have looked at it.
    this.welcomed.catch(() => undefined);
    this.#closed = new Promise((resolve) => socket.once('close', () => resolve()));
    this.#ticker = startTicker(options.clock, [options.timeouts.answer, options.timeouts.ping], () =>
      this.#tick(),
    );
    socket.once('connect', () => this.#hello(options));
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.end(unreachable(this.#failure(error), error)));
    socket.once('close', () => this.end(this.#closedByPeer()));
  }

  get node(): string {
    return this.#welcomeOf().node;
  }

  get limits(): PeerLimits {
    return this.#welcomeOf().limits;
  }

  async send(pack: Pack, sending?: string): Promise<Answer> {
    if (this.#end !== undefined) throw this.#end;
    if (this.#leaving)
      throw new LogdError('closed', `${this.node} takes no more packs: it is shutting down.`, {
        retryable: true,
      });
    const wrong = checkOwnPack(pack.header, pack.body.length, this.limits);
    if (wrong !== undefined) return { kind: 'nack', ...wrong };
    fault('send.before-first-byte');
    const seq = ++this.#seq;
    const { rest, from } = this.#restOf(pack.body, sending);
    const head = encodeFrame(
      'PACK',
      { seq, ...pack.header, ...(sending && { sending }), ...from },
      rest.length,
    );
    if (this.#unanswered.size === 0) this.#waitingSince = this.#ticker.now;
    const answer = new Promise<Answer>((resolve, reject) => this.#unanswered.set(seq, { resolve, reject }));
    this.#socket.cork();
    this.#socket.write(head);
    const written = new Promise<void>((resolve) =>
      this.#socket.write(rest, (error) => {
        if (!error) this.#afterLastByte();
        resolve();
      }),
    );
    this.#socket.uncork();
    // The caller frees the body at the answer: not before the socket is done with it, even if the server answers early.
    const answered = await answer;
    await written;
    return answered;
  }

  /** What the server does not have of a body: all of it, but where a sending goes on. */
  #restOf(body: Buffer, sending = ''): { readonly rest: Buffer; readonly from?: { readonly from: number } } {
    if (!this.#begun.has(sending)) return { rest: body };
    const from = this.#begun.get(sending) ?? body.length;
    // Once: if the server does not keep it any more, the next try is the whole pack.
    this.#begun.delete(sending);
    return from > body.length ? { rest: body } : { rest: body.subarray(from), from: { from } };
  }

  get ledger(): LedgerMark | undefined {
    return this.#ledger;
  }

  /** One after the other. */
  readonly ask: Ask = (question) => {
    const answer = this.#askTurn.then(() => this.#askNow(question));
    this.#askTurn = answer.catch(() => undefined);
    return answer;
  };

  cannot(runs: readonly UnavailableRun[]): void {
    if (this.#end === undefined) for (const frame of cannotFrames(runs)) this.#socket.write(frame);
  }

  async #askNow({ mark, segments, sources }: LedgerQuestion): Promise<LedgerReply> {
    if (this.#end !== undefined) throw this.#end;
    const asking = Promise.withResolvers<LedgerReply>();
    this.#asking = asking;
    this.#socket.write(
      encodeFrame('HAVE', {
        seq: ++this.#questions,
        ...(mark && { mark }),
        segments,
        ...(sources && { sources }),
      }),
    );
    try {
      return await asking.promise;
    } finally {
      this.#asking = undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end(
      new LogdError('closed', `The connection to ${this.#where} was closed here.`, { retryable: true }),
    );
    await this.#closed;
  }

  /** Ends the connection for this reason; the first reason counts. */
  end(reason: LogdError): void {
    if (this.#end !== undefined) return;
    this.#end = reason;
    this.#ticker[Symbol.dispose]();
    this.#socket.destroy();
    for (const { reject } of this.#unanswered.values()) reject(reason);
    this.#unanswered.clear();
    this.#asking?.reject(reason);
    this.#onEnd(reason);
  }

  #afterLastByte(): void {
    try {
      fault('send.after-last-byte');
    } catch (error) {
      this.end(unreachable(`${this.#state()}: ${messageOf(error)}.`, error));
    }
  }

  #hello({ node, token, software = 'logd', process = PROCESS, clock, onWant }: ConnectOptions): void {
    const hello = {
      versions: [VERSION],
      node,
      software,
      ...(token === undefined ? {} : { token }),
      time: clock.now(),
      process,
      ...(onWant && { repull: true }),
    };
    this.#socket.write(Buffer.concat([PREAMBLE, encodeFrame('HELLO', hello)]));
  }

  #receive(chunk: Buffer): void {
    if (this.#end !== undefined) return;
    this.#lastByte = this.#waitingSince = this.#ticker.now;
    this.#pinged = false;
    try {
      this.#decoder.push(chunk);
      for (let head = this.#decoder.head(); head !== undefined; head = this.#decoder.head()) {
        this.#take(head);
        if (this.#ended()) return;
      }
    } catch (error) {
      this.end(
        error instanceof LogdError ? error : new LogdError('protocol', messageOf(error), { cause: error }),
      );
    }
  }

  #take(head: FrameHead): void {
    if (head.type === 'REFUSE') {
      const { code, message } = readMessage('REFUSE', head);
      this.end(
        new LogdError('refused', `${this.#where} refuses us (${code}): ${message}`, {
          retryable: isRetryable(code),
        }),
      );
    } else if (this.#welcome === undefined) {
      this.#welcome = readMessage('WELCOME', head);
      this.#ledger = this.#welcome.ledger;
      this.#begun = new Map(this.#welcome.begun?.map(({ sending, from }) => [sending, from]));
      this.#onWelcome();
    } else this.#takeWelcomed(head);
  }

  #takeWelcomed(head: FrameHead): void {
    switch (head.type) {
      case 'ACK':
        this.#acked(readMessage('ACK', head));
        break;
      case 'NACK': {
        const { seq, code, message, retryable, have } = readMessage('NACK', head);
        if (have === true) this.#asking?.reject(new LogdError('refused', message, { retryable }));
        else this.#answer(seq, { kind: 'nack', code, message, retryable });
        break;
      }
      case 'WANT':
        this.#wanted(readMessage('WANT', head));
        break;
      case 'PING':
        this.#socket.write(encodeFrame('PONG', {}));
        break;
      case 'PONG':
        break;
      case 'BYE':
        if (!this.#leaving) this.#socket.write(encodeFrame('BYE', {}));
        this.#leaving = true;
        break;
      default:
        throw new LogdError(
          'protocol',
          `${this.#where} sent a ${head.type} frame, which only a client may send.`,
        );
    }
  }

  #wanted({ seq, packs, runs, ...reply }: Message<'WANT'>): void {
    if (packs !== undefined) this.#onWant?.(packs, this);
    else if (seq !== undefined && runs !== undefined) this.#asking?.resolve({ ...reply, runs });
    else
      throw new LogdError('protocol', `${this.#where} sent a WANT that answers nothing and wants nothing.`);
  }

  #acked({ seqs, ledger }: Message<'ACK'>): void {
    if (ledger !== undefined) this.#ledger = ledger;
    for (const seq of seqs) this.#answer(seq, { kind: 'ack', ...(ledger && { ledger }) });
  }

  #answer(seq: number, answer: Answer): void {
    const waiting = this.#unanswered.get(seq);
    if (waiting === undefined)
      throw new LogdError('protocol', `${this.#where} answered pack ${seq}, which does not wait.`);
    this.#unanswered.delete(seq);
    waiting.resolve(answer);
  }

  #tick(): void {
    if (this.#welcome === undefined) return;
    const waits = this.#unanswered.size > 0 || this.#pinged || this.#leaving;
    if (waits && this.#ticker.expired(this.#waitingSince, this.#timeouts.answer)) {
      this.end(
        unreachable(`${this.#where} has been silent for ${this.#timeouts.answer} ms with answers due.`),
      );
    } else if (!this.#pinged && this.#ticker.expired(this.#lastByte, this.#timeouts.ping)) {
      if (!waits) this.#waitingSince = this.#ticker.now;
      this.#pinged = true;
      this.#socket.write(encodeFrame('PING', {}));
    }
  }

  #ended(): boolean {
    return this.#end !== undefined;
  }

  #welcomeOf(): Message<'WELCOME'> {
    if (this.#welcome === undefined) throw new TypeError('The connection has not been welcomed');
    return this.#welcome;
  }

  /** What a person can do something with: nobody listens, or why not. */
  #failure(error: unknown): string {
    if (this.#welcome === undefined && errnoOf(error) === 'ECONNREFUSED')
      return `Sink ${this.#where} refuses connections (is it running?).`;
    return `${this.#state()}: ${messageOf(error) || errnoOf(error)}.`;
  }

  #state(): string {
    return this.#welcome === undefined
      ? `Cannot connect to ${this.#where}`
      : `The connection to ${this.#where} broke`;
  }

  #closedByPeer(): LogdError {
    if (this.#leaving && this.#unanswered.size === 0) return unreachable(`${this.node} has shut down.`);
    if (this.#welcome !== undefined) return unreachable(`${this.#where} closed the connection.`);
    return unreachable(`${this.#where} closed the connection without a word: is it a logd sink?`);
  }
}
