/**
 * Answers on their way to a client. Packs are committed in groups, so their answers come in groups: those of one turn of the
 * event loop go out in one write, the acks among them in one ACK.
 */
import { encodeFrame } from './frame.ts';
import { ACK_SEQS, shorten } from './messages.ts';
import type { Answer } from '../../pack/answer.ts';

export class AnswerQueue {
  readonly #send: (frames: Buffer) => void;
  #acked: number[] = [];
  #nacks: Buffer[] = [];
  #scheduled: NodeJS.Immediate | undefined;

  constructor(send: (frames: Buffer) => void) {
    this.#send = send;
  }

  add(seq: number, answer: Answer): void {
    if (answer.kind === 'ack') {
      this.#acked.push(seq);
    } else {
      const { code, message, retryable } = answer;
      this.#nacks.push(encodeFrame('NACK', { seq, code, message: shorten(message), retryable }));
    }
    this.#scheduled ??= setImmediate(() => this.flush());
  }

  /** Sends whatever waits, now. */
  flush(): void {
    const frames = this.#nacks;
    const acked = this.#acked;
    this.close();
    for (let at = 0; at < acked.length; at += ACK_SEQS)
      frames.push(encodeFrame('ACK', { seqs: acked.slice(at, at + ACK_SEQS) }));
    if (frames.length > 0) this.#send(frames.length === 1 ? frames[0]! : Buffer.concat(frames));
  }

  /** Forgets whatever waits. */
  close(): void {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    this.#acked = [];
    this.#nacks = [];
  }
}
