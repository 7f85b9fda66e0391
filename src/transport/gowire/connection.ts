/**
 * The receiving end of one connection of wire v1.
 *
 *   Go node                         we
 *    │ length, header, body ──────▶ │  read to their lengths, whatever the chunking; further packs wait in the decoder
 *    │ ◀─────────────────────── ok  │  after the pack is durable here
 *    │ malformed ─────────────────▶ │  `wrong header`, and the end
 *
 * Memory: one pack at a time; its body is counted in the budget of all connections as it arrives, and the socket is not read while there is no room.
 */
import type { Socket } from 'node:net';
import { messageOf } from '../../error.ts';
import { free } from '../../pack/codec.ts';
import { type BodyMemory, type ConnectionShare, TOO_SLOW } from '../body-shares.ts';
import { pausing } from '../conduct.ts';
import { addressOf, allTaken, type Guest } from '../door.ts';
import type { PackConnection, Peer, Serving } from '../transport.ts';
import { V1_HEADER_BYTES, V1Decoder, type V1Pack } from './pack-frame.ts';

const OK = 'ok';
const WRONG_HEADER = 'wrong header';

export class V1Connection implements PackConnection {
  readonly peer: Peer;
  readonly #serving: Serving;
  readonly #socket: Socket;
  readonly #guest: Guest;
  /** As whom it is remembered. */
  readonly #client: string;
  readonly #share: ConnectionShare;
  readonly #decoder: V1Decoder;
  #isInside = false;
  #busy = false;
  #draining = false;
  #over = false;
  #lastByte: number;
  /** Whoever waits for the rest of a body. */
  #wake: (() => void) | undefined;

  constructor(serving: Serving, socket: Socket, first: Buffer, guest: Guest) {
    this.#serving = serving;
    this.#socket = socket;
    this.#guest = guest;
    this.#client = `go ${addressOf(socket)}`;
    this.#share = serving.bodies.share();
    this.#lastByte = guest.since;
    this.#decoder = new V1Decoder({ headerBytes: V1_HEADER_BYTES, bodyBytes: serving.limits.bodyBytes });
    const { remoteAddress, remoteFamily, remotePort } = socket;
    const host = remoteFamily === 'IPv6' ? `[${remoteAddress}]` : `${remoteAddress}`;
    this.peer = { node: 'go', address: `${host}:${remotePort}` };
    socket.on('data', (chunk: Buffer) => {
      this.#lastByte = serving.ticker.now;
      this.#decoder.push(chunk);
      this.#wake?.();
      void this.#pump();
    });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#over = true;
      this.#wake?.();
    });
    serving.emit('receive.connected', this.#names());
    socket.once('close', () => serving.emit('receive.disconnected', this.#names()));
    this.#decoder.push(first);
    void this.#pump();
  }

  /** The protocol has no word for it: the Go node connects again. */
  refuse(code: 'busy' | 'closing', message: string): void {
    this.#serving.emit('receive.refused', { peer: this.peer.address, code, reason: message });
    this.destroy();
  }

  drain(): void {
    this.#draining = true;
    if (!this.#busy) this.#socket.end();
  }

  destroy(): void {
    this.#over = true;
    this.#socket.destroy();
  }

  tick(): void {
    const { ticker, limits } = this.#serving;
    const limit = this.#decoder.midPack ? limits.frameTimeout : Infinity;
    if (!this.#busy && ticker.expired(this.#lastByte, limit)) this.destroy();
  }

  /** Why it may not come in. Whoever is inside stays. */
  #letIn(): string | undefined {
    const { conducts, limits } = this.#serving;
    const pause = this.#isInside ? 0 : conducts.pauseOf(this.#client);
    if (pause > 0) return pausing(pause);
    this.#isInside = this.#guest.letIn();
    return this.#isInside ? undefined : allTaken(limits);
  }

  #names(): { readonly node: string; readonly peer: string } {
    return { node: this.peer.node, peer: this.peer.address };
  }

  async #pump(): Promise<void> {
    if (this.#busy || this.#over) return;
    this.#busy = true;
    let memory: BodyMemory | undefined;
    try {
      let head: V1Pack | undefined;
      while (!this.#over && (head ??= this.#decoder.head()) !== undefined) {
        const fault = this.#letIn();
        if (fault !== undefined) return this.refuse('busy', fault);
        memory = this.#share.begin(
          head.bodyBytes,
          () => this.#wake?.(),
          () => this.#tooSlow(),
        );
        const body = await this.#body(head, memory);
        if (body === undefined) break;
        this.#socket.pause();
        const isTaken = await this.#take(head, body);
        free(body);
        memory.release();
        this.#socket.resume();
        if (!isTaken) return this.#wrong();
        if (!this.#socket.destroyed) this.#socket.write(OK);
        head = undefined;
        if (this.#draining) return void this.#socket.end();
      }
    } catch (error) {
      this.#serving.emit('receive.bad-frame', {
        ...{ peer: this.peer.address, code: 'protocol', reason: messageOf(error) },
      });
      this.#judge('invalid');
      this.#wrong();
    } finally {
      memory?.release();
      this.#busy = false;
    }
  }

  /** Waits for the body; undefined when the connection ends before. */
  async #body(head: V1Pack, memory: BodyMemory): Promise<Buffer | undefined> {
    for (;;) {
      const body = memory.waits ? undefined : this.#decoder.body(head, memory.room);
      memory.arrived = this.#decoder.bodyArrived;
      if (body !== undefined || this.#over) return body;
      if (!memory.waits && memory.arrived === memory.room && memory.grow()) continue;
      if (memory.waits) this.#socket.pause();
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
      this.#socket.resume();
    }
  }

  /** Others need its memory. */
  #tooSlow(): void {
    this.#serving.emit('receive.bad-frame', { peer: this.peer.address, code: 'timeout', reason: TOO_SLOW });
    this.destroy();
  }

  /** False when it must be sent again, or never. */
  async #take({ ip, hour, id, lines, done }: V1Pack, body: Buffer): Promise<boolean> {
    const { onLoosePack, emit } = this.#serving;
    const answer = await onLoosePack?.({ host: ip.replaceAll(':', '-'), hour, id, lines, done, body });
    this.#judge(answer?.kind === 'ack' ? 'ack' : (answer?.code ?? 'invalid'));
    if (answer?.kind === 'ack') return true;
    const { code, message: reason } = answer ?? { code: 'invalid', message: 'No input takes it.' };
    emit('receive.bad-pack', { host: ip, stream: '', hour, id, peer: this.peer.address, code, reason });
    return false;
  }

  /** A bad pack ends the connection in any case; after many the next one is let in after a pause. */
  #judge(code: string): void {
    const reason = this.#serving.conducts.watchAll(this.#client).answered(code, false);
    if (reason !== undefined)
      this.#serving.emit('receive.bad-frame', { peer: this.peer.address, code: 'busy', reason });
  }

  #wrong(): void {
    this.#over = true;
    this.#socket.end(WRONG_HEADER);
    this.#socket.resume();
  }
}
