/**
 * Reading source files: a segment is made up of pieces of them, one after the other.
 */
import { open } from 'node:fs/promises';
import { bytesOfPath } from '../disk/path-bytes.ts';
import { runningDigest } from '../pack/digest.ts';
import { countLines } from '../pack/survey.ts';
import type { StoredTotals } from './stored.ts';

const READ_BYTES = 4 * 1024 * 1024;

/** Bytes `start` to `end` (exclusive) of a file, which are those of the segment from `at` on. */
export interface Piece {
  readonly path: string;
  readonly start: number;
  readonly end: number;
  readonly at: number;
}

/** Whole files, one after the other. */
export const wholeFiles = (files: readonly { readonly path: string; readonly size: number }[]): Piece[] => {
  let at = 0;
  return files.map(({ path, size }) => {
    const piece = { path, start: 0, end: size, at };
    at += size;
    return piece;
  });
};

export const lengthOf = (pieces: readonly Piece[]): number =>
  pieces.reduce((sum, { start, end }) => sum + end - start, 0);

/** The bytes of pieces, as far as their files have them. The next read is under way while the last one is worked on. */
async function* bytesOf(pieces: readonly Piece[], onBytes: (bytes: number) => void): AsyncGenerator<Buffer> {
  for (const { path, start, end } of pieces) {
    await using file = await open(bytesOfPath(path));
    const buffers = [Buffer.allocUnsafe(READ_BYTES), Buffer.allocUnsafe(READ_BYTES)] as const;
    let at = start;
    const read = (turn: number) => file.read(buffers[turn % 2]!, 0, Math.min(READ_BYTES, end - at), at);
    let reading = read(0);
    for (let turn = 1; ; turn++) {
      const { bytesRead, buffer } = await reading;
      if (bytesRead === 0) break;
      at += bytesRead;
      reading = read(turn);
      yield buffer.subarray(0, bytesRead);
      onBytes(bytesRead);
    }
  }
}

/** Reads pieces as if they were one file. Rejects with the system's error when one of them cannot be read. */
export const readPieces = async (
  pieces: readonly Piece[],
  onBytes: (bytes: number) => void = () => {},
): Promise<StoredTotals> => {
  const digest = runningDigest();
  let lines = 0;
  for await (const bytes of bytesOf(pieces, onBytes)) {
    digest.update(bytes);
    lines += countLines(bytes);
  }
  return { bytes: digest.bytes, lines, sha256: digest.hex() };
};

export interface Ends {
  readonly whole: StoredTotals;
  /** SHA-256 of the first bytes: as many as were asked for, if there are so many. */
  readonly headSha256: string;
  /** What follows the byte that was asked for. */
  readonly tail: Pick<StoredTotals, 'bytes' | 'sha256'>;
}

/**
 * Reads pieces once, for the digests of their first `headBytes` bytes and of all from byte `tailFrom` on, which may overlap.
 * Rejects with the system's error when one of them cannot be read.
 */
export const readEnds = async (
  pieces: readonly Piece[],
  headBytes: number,
  tailFrom: number,
  onBytes: (bytes: number) => void = () => {},
): Promise<Ends> => {
  const [digest, tail] = [runningDigest(), runningDigest()];
  let headSha256 = digest.hex();
  let lines = 0;
  for await (const bytes of bytesOf(pieces, onBytes)) {
    const at = digest.bytes;
    const headEnds = Math.min(Math.max(0, headBytes - at), bytes.length);
    digest.update(bytes.subarray(0, headEnds));
    if (headEnds > 0) headSha256 = digest.hex();
    digest.update(bytes.subarray(headEnds));
    tail.update(bytes.subarray(Math.max(0, tailFrom - at)));
    lines += countLines(bytes);
  }
  return {
    whole: { bytes: digest.bytes, lines, sha256: digest.hex() },
    headSha256,
    tail: { bytes: tail.bytes, sha256: tail.hex() },
  };
};

/** Bytes `from` (inclusive) to `to` (exclusive) of the segment, as far as the pieces have them. */
export const readRange = async (pieces: readonly Piece[], from: number, to: number): Promise<Buffer> => {
  const parts: Buffer[] = [];
  for (const { path, start, end, at } of pieces) {
    const first = Math.max(from, at);
    const length = Math.min(to, at + end - start) - first;
    if (length <= 0) continue;
    await using file = await open(bytesOfPath(path));
    const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, start + first - at);
    parts.push(buffer.subarray(0, bytesRead));
  }
  return Buffer.concat(parts);
};
