/**
 * One accepted socket, until its first bytes have said which protocol it speaks; from then on that protocol has it.
 *
 *   accepted ─ bytes ─▶ recognise ─ yes ─▶ serve(): the protocol's connection
 *                          │ more: waits   └ known, not spoken here ─▶ closed, with the reason in an event
 *                          └ no protocol's ──────────────────────────▶ closed
 *
 * Whoever has to be told something (busy, shutting down, too slow) before that is spoken to in the first protocol of the list.
 */
import type { Socket } from 'node:net';
import type { Guest } from './door.ts';
import type { PackConnection, Peer, Protocol, Serving, WantedRun } from './transport.ts';

/** How long a stranger may go on sending after its end was sent. Closing at once would reset the connection. */
const LINGER = 1000;

export class Caller {
  readonly #serving: Serving;
  readonly #protocols: readonly Protocol[];
  readonly #socket: Socket;
  readonly #guest: Guest;
  readonly #onData = (chunk: Buffer): void => this.#look(chunk);
  #first: Buffer = Buffer.alloc(0);
  #connection: PackConnection | undefined;
  /** The ticker's time. */
  #since: number;
  #isStranger = false;

  constructor(serving: Serving, protocols: readonly Protocol[], socket: Socket, guest: Guest) {
    this.#serving = serving;
    this.#protocols = protocols;
    this.#socket = socket;
    this.#guest = guest;
    this.#since = guest.since;
    socket.on('data', this.#onData);
    socket.on('error', () => undefined);
  }

  get peer(): Peer | undefined {
    return this.#connection?.peer;
  }

  /** See {@link PackConnection}. */
  carries(host: string): boolean | undefined {
    return this.#connection?.carries?.(host);
  }

  want(runs: readonly WantedRun[]): void {
    this.#connection?.want?.(runs);
  }

  refuse(code: 'busy', message: string): void {
    this.#known()?.refuse(code, message);
  }

  drain(): void {
    this.#known()?.drain();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  tick(): void {
    const { ticker, limits } = this.#serving;
    if (this.#isStranger) {
      if (ticker.expired(this.#since, LINGER)) this.destroy();
    } else if (this.#connection !== undefined) this.#connection.tick();
    else if (ticker.expired(this.#since, limits.helloTimeout)) this.#known()?.tick();
  }

  #look(chunk: Buffer): void {
    if (this.#isStranger) return;
    this.#first = Buffer.concat([this.#first, chunk]);
    const answers = this.#protocols.map((protocol) => protocol.recognise(this.#first));
    const found = this.#protocols[answers.indexOf('yes')];
    if (found?.serve !== undefined && this.#isServed(found)) this.#handOver(found);
    else if (found !== undefined) this.#turnAway(`${capital(found.label)} is not spoken here`);
    else if (!answers.includes('more')) this.#turnAway('The first bytes are of no protocol known here');
  }

  #isServed({ serve, isServed }: Protocol): boolean {
    return serve !== undefined && (isServed?.(this.#serving) ?? true);
  }

  /** The connection, in the first protocol where it is not known which. */
  #known(): PackConnection | undefined {
    const [fallback] = this.#protocols;
    if (this.#connection === undefined && !this.#isStranger && fallback !== undefined)
      this.#handOver(fallback);
    return this.#connection;
  }

  #handOver({ serve }: Protocol): void {
    this.#socket.off('data', this.#onData);
    this.#connection = serve?.(this.#serving, this.#socket, this.#first, this.#guest);
    this.#first = Buffer.alloc(0);
  }

  /** It would not understand a word of ours. */
  #turnAway(why: string): void {
    const { remoteAddress, remoteFamily, remotePort } = this.#socket;
    const host = remoteFamily === 'IPv6' ? `[${remoteAddress}]` : remoteAddress;
    const spoken = this.#protocols.filter((one) => this.#isServed(one)).map(({ label }) => label);
    const reason = `${why}: send with ${spoken.join(' or ')}.`;
    this.#serving.emit('receive.refused', { peer: `${host}:${remotePort}`, code: 'version', reason });
    this.#isStranger = true;
    this.#since = this.#serving.ticker.now;
    this.#first = Buffer.alloc(0);
    this.#socket.end();
  }
}

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);
