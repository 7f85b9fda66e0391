/**
 * Answers on their way to a client. Packs are committed in groups, so their answers come in groups: those of one turn of the
 * event loop go out in one write, the acks among them in one ACK.
 */
import { encodeFrame } from './frame.ts';
import { ACK_SEQS, shorten } from './messages.ts';
import type { Answer } from '../../pack/answer.ts';
import type { LedgerMark } from '../../pack/ledger-mark.ts';

export class AnswerQueue {
  readonly #send: (frames: Buffer) => void;
  readonly #mark: () => LedgerMark | undefined;
  #acked: number[] = [];
  #nacks: Buffer[] = [];
  #scheduled: NodeJS.Immediate | undefined;

  /** `mark`: how far the ledger has come, said with every ack. */
  constructor(send: (frames: Buffer) => void, mark: () => LedgerMark | undefined = () => undefined) {
    this.#send = send;
    this.#mark = mark;
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
    const ledger = acked.length > 0 ? this.#mark() : undefined;
    for (let at = 0; at < acked.length; at += ACK_SEQS)
      frames.push(encodeFrame('ACK', { seqs: acked.slice(at, at + ACK_SEQS), ...(ledger && { ledger }) }));
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
