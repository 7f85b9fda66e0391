/**
 * What is known of bytes besides their digest, in one pass over them: how many lines there are, and a checksum.
 *
 * The checksum (docs/PROTOCOL.md): the bytes, with zeros behind them up to a multiple of 64, are little-endian words of 64 bits; word i
 * belongs to lane i mod 8. A lane has two sums modulo 2^64, 0 at first: for each of its words, A += word, then the bits of A are
 * rotated left by 23, then B += A. The checksum is the CRC-32 of A0 … A7, B0 … B7, little-endian words; it is 0 where there are no
 * bytes. Eight lanes, because each A has to wait for the one before it.
 *
 * JavaScript's own ways of counting cost a fifth to a half of a second for each GiB, `indexOf` crosses into C++ for every line, and a
 * CRC-32 of all bytes costs a sixth (docs/rfcs/0002-checksum.md). This is 468 bytes of WebAssembly (SIMD is part of every Node.js that
 * runs logd), the binary form of
 *
 *   (module (memory (export "memory") 2)
 *     (func (export "survey") (param $end i32) (result i32)
 *       (local $at i32) (local $lines i32) (local $w v128) (local $sum v128)
 *       (local $a0 v128) … (local $a3 v128) (local $b0 v128) … (local $b3 v128)    ;; two lanes each
 *       (local.set $a0 (v128.load offset=65536 (i32.const 0)))                     ;; … $a3 at 65584, $b0 … $b3 at 65600 … 65648
 *       (loop
 *         (local.set $w (v128.load (local.get $at)))
 *         (local.set $lines (i32.add (local.get $lines) (i32.popcnt (i8x16.bitmask
 *           (i8x16.eq (local.get $w) (i8x16.splat (i32.const 10)))))))
 *         (local.set $a0 (v128.or
 *           (i64x2.shl (local.tee $sum (i64x2.add (local.get $a0) (local.get $w))) (i32.const 23))
 *           (i64x2.shr_u (local.get $sum) (i32.const 41))))                        ;; the same at offset=16, 32, 48 for $a1 … $a3
 *         (local.set $b0 (i64x2.add (local.get $b0) (local.get $a0)))              ;; … $b3
 *         (br_if 0 (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 64))) (local.get $end))))
 *       (v128.store offset=65536 (i32.const 0) (local.get $a0))                    ;; … $b3, where they came from
 *       (local.get $lines)))
 */
import { crc32 } from 'node:zlib';

const MODULE =
  'AGFzbQEAAAABBgFgAX8BfwMCAQAFAwEAAgcTAgZtZW1vcnkCAAZzdXJ2ZXkAAAqjAwGgAwICfwp7QQD9AASAgAQhBUEA/QAEkIAEIQZBAP0ABKCABCEH' +
  'QQD9AASwgAQhCEEA/QAEwIAEIQlBAP0ABNCABCEKQQD9AATggAQhC0EA/QAE8IAEIQwDQCAB/QAEACEDIAIgA0EK/Q/9I/1kaWohAiAFIAP9zgEiBEEX' +
  '/csBIARBKf3NAf1QIQUgAf0ABBAhAyACIANBCv0P/SP9ZGlqIQIgBiAD/c4BIgRBF/3LASAEQSn9zQH9UCEGIAH9AAQgIQMgAiADQQr9D/0j/WRpaiEC' +
  'IAcgA/3OASIEQRf9ywEgBEEp/c0B/VAhByAB/QAEMCEDIAIgA0EK/Q/9I/1kaWohAiAIIAP9zgEiBEEX/csBIARBKf3NAf1QIQggCSAF/c4BIQkgCiAG' +
  '/c4BIQogCyAH/c4BIQsgDCAI/c4BIQwgAUHAAGoiASAASQ0AC0EAIAX9CwSAgARBACAG/QsEkIAEQQAgB/0LBKCABEEAIAj9CwSwgARBACAJ/QsEwIAE' +
  'QQAgCv0LBNCABEEAIAv9CwTggARBACAM/QsE8IAEIAIL';
/** The bytes at hand lie in the module's first page, which stays in the processor's cache; the sums lie behind it. */
const PAGE = 1 << 16;
const SUMS_BYTES = 128;
const STEP = 64;

/** What Node.js has and its types leave to those of the browser. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  /** Adds what lies at 0 to `end` to the sums, whole steps; returns the lines. */
  readonly survey: (end: number) => number;
}

const load = () => {
  const module = new WebAssembly.Module(Buffer.from(MODULE, 'base64'));
  const { memory, survey: add } = new WebAssembly.Instance(module).exports as Exports;
  const page = new Uint8Array(memory.buffer, 0, PAGE);
  return { page, sums: new Uint8Array(memory.buffer, PAGE, SUMS_BYTES), add };
};

const { page, sums, add } = load();

/** Adds bytes to the sums that lie there; returns their lines. Only the last ones of a pack may end inside of a step. */
const take = (bytes: Uint8Array): number => {
  let lines = 0;
  for (let at = 0; at < bytes.length; at += PAGE) {
    const part = bytes.subarray(at, at + PAGE);
    page.set(part);
    page.fill(0, part.length, Math.min(PAGE, part.length + STEP));
    lines += add(part.length);
  }
  return lines;
};

export interface Survey {
  /** Newline bytes, as `wc -l` counts them. */
  readonly lines: number;
  /** Below 2^32. */
  readonly checksum: number;
}

/** Of all the bytes of a pack. Costs a sixteenth of a millisecond a MiB, on the calling thread. */
export const survey = (bytes: Uint8Array): Survey => {
  sums.fill(0);
  const lines = take(bytes);
  return { lines, checksum: bytes.length === 0 ? 0 : crc32(sums) };
};

/** The checksum of all the bytes of a pack. */
export const checksumOf = (bytes: Uint8Array): number => survey(bytes).checksum;

/** Newline bytes, as `wc -l` counts them. */
export const countLines = (bytes: Uint8Array): number => survey(bytes).lines;

/** The checksum of a pack whose bytes come in parts. */
export interface RunningChecksum {
  update(part: Uint8Array): void;
  /** Of all bytes taken so far; more may follow. */
  value(): number;
}

/** A checksum of nothing yet. */
export const runningChecksum = (): RunningChecksum => {
  const kept = new Uint8Array(SUMS_BYTES);
  /** The bytes behind the last whole step. */
  const rest = new Uint8Array(STEP);
  let bytes = 0;
  return {
    update(part) {
      const before = bytes % STEP;
      const filling = before === 0 ? 0 : Math.min(STEP - before, part.length);
      const whole = filling + Math.floor((part.length - filling) / STEP) * STEP;
      rest.set(part.subarray(0, filling), before);
      sums.set(kept);
      if (filling > 0 && before + filling === STEP) take(rest);
      take(part.subarray(filling, whole));
      kept.set(sums);
      rest.set(part.subarray(whole));
      bytes += part.length;
    },
    value() {
      sums.set(kept);
      take(rest.subarray(0, bytes % STEP));
      return bytes === 0 ? 0 : crc32(sums);
    },
  };
};
