/** What became of a pack that was handed on: the words that every receiver and every transport share. */

import type { LedgerMark } from './ledger-mark.ts';

/** Why a pack was not taken; a closed set, see docs/PROTOCOL.md. */
export type NackCode =
  | 'corrupt' // the body does not have the length, bytes, lines or checksum that the header claims: retryable
  | 'digest' // the running SHA-256 differs though the body is whole: retryable
  | 'invalid' // the header is malformed or contradicts what was said before
  | 'name' // host, stream or hour is not allowed
  | 'limit' // larger than the receiver allows
  | 'conflict' // other bytes are stored under this name
  | 'storage' // disk full, database away: retryable
  | 'closing'; // the receiver is shutting down: retryable

/** What became of one pack. An ack means durable. */
export type Answer =
  | {
      readonly kind: 'ack';
      /** How far the ledger that has it had come by then. */ readonly ledger?: LedgerMark;
    }
  | { readonly kind: 'nack'; readonly code: NackCode; readonly message: string; readonly retryable: boolean };
