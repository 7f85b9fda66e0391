/**
 * What a pack and a segment are: the words that every other part speaks.
 *
 * A segment is the lines of one host × one stream × one hour (or day): the unit of completeness.
 * A pack is a numbered run of its bytes. Packs of a segment have ids 1, 2, … N and lie end to end:
 * `offset` of pack n+1 equals `offset + bytes` of pack n. (host, stream, hour, id) names the same bytes for ever.
 */

import { LogdError } from '../error.ts';

/** The name of a segment. `hour` is a label, see {@link file://./hour.ts}: `2026112216`, or a day, `20261122`. */
export interface SegmentKey {
  readonly host: string;
  readonly stream: string;
  readonly hour: string;
}

/** What a whole segment adds up to at the end of a generation; `sha256` is what `sha256sum` prints for its bytes. */
export interface Totals {
  /** Number of packs, which is also the id of the last one. */
  readonly packs: number;
  /** Newline bytes, as `wc -l` counts them. */
  readonly lines: number;
  readonly bytes: number;
  /** Lower-case hex SHA-256 of the segment's raw bytes. */
  readonly sha256: string;
}

/** Why bytes of a pack can never be delivered. */
export type LostReason = 'source-vanished' | 'source-truncated' | 'source-changed';

/** Everything that is said about a pack, on the wire and in the ledger. */
export interface PackHeader extends SegmentKey {
  /** From 1. */
  readonly id: number;
  /** Which generation of the seal the pack counts towards: 1, or 2 and more for lines that came after the end of the hour. */
  readonly generation: number;
  /** Byte offset of the pack's first byte within the segment. */
  readonly offset: number;
  /** Raw bytes. 0 for a last pack that only says that the hour is over. */
  readonly bytes: number;
  /** Newline bytes among them. */
  readonly lines: number;
  /** Of the raw bytes, see survey.ts. 0 of none. */
  readonly checksum: number;
  /** Lower-case hex SHA-256 of the segment's bytes from 0 to the end of this pack. */
  readonly sha256: string;
  /** How the body is compressed. */
  readonly codec: Codec;
  /** When the source file was last written as of reading these bytes: Unix milliseconds. */
  readonly time: number;
  /** On the last pack of a generation: what the whole segment must add up to. */
  readonly done?: Done;
  /** The relays that the pack has passed, in order; absent when it came straight from its agent. Says nothing about the bytes. */
  readonly route?: Hop[];
  /** The body is empty because its bytes are gone for good. */
  readonly lost?: { readonly reason: LostReason; readonly bytes: number };
}

/** One relay on the way of a pack. Times are Unix milliseconds of the relay's own clock. */
export interface Hop {
  readonly node: string;
  readonly received: number;
  readonly sent: number;
}

/** Most relays on the way of a pack. */
export const MOST_HOPS = 16;

/** The end of an hour, as its agent states it. */
export interface Done extends Totals {
  /**
   * How many segments make this segment's day complete: 24, on a DST change 23 or 25, 1 for a stream with a segment a
   * day, 0 when this hour does not exist in the zone and so counts towards no day.
   */
  readonly hoursInDay: number;
}

export type Codec = 'none' | 'zstd';

/** A pack as it travels: `body` is encoded with `header.codec`. */
export interface Pack {
  readonly header: PackHeader;
  readonly body: Buffer;
}

/** A pack whose body was decoded and has the size, lines and checksum that its header claims. */
export interface VerifiedPack extends Pack {
  readonly raw: Buffer;
}

/** The error for a pack whose bytes are not what its header claims: they were changed on their way, and may come again. */
export const corrupt = (header: PackHeader, what: string, is: number, claimed: number): LogdError =>
  new LogdError(
    'corrupt',
    `Pack ${header.id} of ${segmentName(header)} has ${is} as its ${what}, its header says ${claimed}.`,
    { retryable: true },
  );

/** `web1/access/2026112216`: for messages and map keys (names contain no slash). */
export const segmentName = (key: SegmentKey): string => `${key.host}/${key.stream}/${key.hour}`;
