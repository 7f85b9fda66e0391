/**
 * Access logs as a busy web shop's nginx writes them, for the demo and the benchmark: the same seed gives the same bytes.
 *
 * Format of a line, as of `log_format` combined plus `$request_time`; about 250 bytes, at most MAX_LINE:
 *   address - - [22/Nov/2026:16:03:11 +0000] "GET /path?query HTTP/1.1" status bytes "referer" "user agent" seconds
 *
 * Method: few visitors cause most requests (Zipf), a visitor keeps his address and browser, pages are followed by their
 * images and calls. What really differs from line to line (ids, tokens, sizes, times) is drawn again, so zstd -1 shrinks
 * the log 5 to 8 times, as it does real ones. All other text is rendered once and copied byte by byte, which for
 * pieces this short is faster than any call into native code.
 */

import { AGENTS, REFERERS, REQUESTS, STATUSES } from './access-log-words.ts';

/** No line is longer, in bytes. */
const MAX_LINE = 1024;
const CHUNK = 1 << 20;
/** Lines of one second, where time is counted from lines. */
const LINES_PER_SECOND = 4000;
const VISITORS = 20_000;
const DRAW_BITS = 14;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Logs without end; each call goes on where the last one ended. */
export interface AccessLog {
  /** So many lines, all written at the second of `atMs` (Unix milliseconds), in UTC. */
  lines(count: number, atMs: number): Buffer;
  /** Whole lines, `target` bytes or less than one line more, in chunks of about 1 MiB; the clock goes on from `fromMs`. */
  bytes(target: number, fromMs?: number): Generator<Buffer, void>;
}

/** xorshift32: unsigned 32-bit numbers, never 0. */
const createRandom = (seed: number): (() => number) => {
  let state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ 0x5bd1e995) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
};

/** For each of 2^DRAW_BITS draws which of `count` things comes: the k-th with a weight of 1 / k^exponent. */
const zipf = (count: number, exponent: number): Uint16Array => {
  const weights = Array.from({ length: count }, (_, index) => (index + 1) ** -exponent);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const table = new Uint16Array(1 << DRAW_BITS);
  let index = 0;
  let passed = weights[0]!;
  for (let draw = 0; draw < table.length; draw++) {
    while (index < count - 1 && (draw / table.length) * total >= passed) passed += weights[++index]!;
    table[draw] = index;
  }
  return table;
};

/** `22/Nov/2026:16:03:11 +0000` */
const clockText = (atMs: number): string => {
  const [date = '', time = ''] = new Date(atMs).toISOString().slice(0, 19).split('T');
  const [year, month, day] = date.split('-');
  return `${day}/${MONTHS[Number(month) - 1]}/${year}:${time} +0000`;
};

const addressFrom = (random: () => number): string => {
  const part = (): number => random() % 254;
  if (random() % 6 > 0) return `${part() + 1}.${part()}.${part()}.${part() + 1}`;
  const group = (): string => (random() & 0xffff).toString(16);
  return `2a0${(random() % 9) + 1}:${group()}:${group()}:${group()}:${group()}:${group()}:${group()}:${group()}`;
};

const pieces = (texts: readonly string[]): Uint8Array[] =>
  texts.map((text) => new Uint8Array(Buffer.from(text, 'latin1')));

const HEX = pieces(['0123456789abcdef'])[0]!;
/** Text with marks between its runs: `runs[0] marks[0] runs[1] …`. */
interface Template {
  readonly runs: readonly Uint8Array[];
  readonly marks: readonly string[];
}

const templates = (texts: readonly string[]): Template[] =>
  texts.map((text) => ({ runs: pieces(text.split(/[#@]/)), marks: text.match(/[#@]/g) ?? [] }));

/** A generator of access logs. The same seed and the same calls give the same bytes. */
export const accessLog = ({ seed }: { readonly seed: number }): AccessLog => {
  const random = createRandom(seed);
  const visitors = pieces(Array.from({ length: VISITORS }, () => `${addressFrom(random)} - - [`));
  const agentTexts = AGENTS.flatMap((agent) =>
    Array.from({ length: 12 }, (_, index) => `" "${agent(index)}" `),
  );
  const agents = pieces(Array.from({ length: 64 }, () => agentTexts[(random() % 97) % agentTexts.length]!));
  const requests = templates(REQUESTS);
  const statuses = pieces(STATUSES.map((status) => ` HTTP/${status === '499' ? '2.0' : '1.1'}" ${status} `));
  const referers = templates(REFERERS.map((referer) => ` "${referer}`));
  const drawVisitor = zipf(VISITORS, 0.7);
  const drawRequest = zipf(REQUESTS.length, 0.9);
  const drawReferer = zipf(REFERERS.length, 0.9);
  const drawStatus = zipf(STATUSES.length, 1.1);
  const mask = (1 << DRAW_BITS) - 1;

  let out: Uint8Array = new Uint8Array(0);
  let at = 0;

  // The loops work on locals: variables of the enclosing function are read from memory for each byte.
  const copy = (piece: Uint8Array): void => {
    const target = out;
    let to = at;
    for (let index = 0; index < piece.length; index++) target[to++] = piece[index]!;
    at = to;
  };

  const writeNumber = (value: number): void => {
    const target = out;
    let digits = 1;
    for (let rest = value; rest > 9; rest = (rest / 10) | 0) digits++;
    at += digits;
    for (let to = at - 1, rest = value; digits > 0; digits--, rest = (rest / 10) | 0)
      target[to--] = 48 + (rest % 10);
  };

  const writeToken = (): void => {
    const target = out;
    let to = at;
    for (let half = 0; half < 2; half++) {
      const bits = random();
      for (let shift = 0; shift < 32; shift += 4) target[to++] = HEX[(bits >>> shift) & 15]!;
    }
    at = to;
  };

  /** Copies, with a number for # (low ones come more often, as bestsellers do) and a token for @. */
  const fill = ({ runs, marks }: Template): void => {
    for (let index = 0; index < runs.length; index++) {
      copy(runs[index]!);
      const mark = marks[index];
      if (mark === '#') writeNumber(10_000 + ((random() & 0xffff) >>> (random() & 7)));
      else if (mark === '@') writeToken();
    }
  };

  const writeLine = (time: Uint8Array): void => {
    const draw = random();
    const visitor = drawVisitor[draw & mask]!;
    const request = drawRequest[(draw >>> DRAW_BITS) & mask]!;
    copy(visitors[visitor]!);
    copy(time);
    fill(requests[request]!);
    const second = random();
    copy(statuses[drawStatus[second & mask]!]!);
    writeNumber((random() & 0xffff) >>> (second >>> 29));
    fill(referers[drawReferer[(second >>> DRAW_BITS) & mask]!]!);
    copy(agents[visitor & 63]!);
    // Seconds with three decimals; one in 64 requests is slow.
    const elapsed = random();
    out[at++] = 48 + ((elapsed & 63) === 0 ? (elapsed >>> 6) % 10 : 0);
    out[at++] = 46;
    const millis = 1000 + (((elapsed >>> 8) % 1000) >>> ((elapsed >>> 24) & 3));
    writeNumber(millis);
    // The leading 1 kept the zeros; it makes way for the digits behind it.
    for (let to = at - 4; to < at - 1; to++) out[to] = out[to + 1]!;
    out[at - 1] = 10;
  };

  const timePiece = (atMs: number): Uint8Array => pieces([`${clockText(atMs)}] "`])[0]!;

  const begin = (): void => {
    out = Buffer.allocUnsafe(CHUNK);
    at = 0;
  };
  const end = (): Buffer => Buffer.from(out.buffer, out.byteOffset, at);

  return {
    lines(count, atMs) {
      const time = timePiece(atMs);
      const chunks: Buffer[] = [];
      begin();
      for (let line = 0; line < count; line++) {
        if (at + MAX_LINE > CHUNK) {
          chunks.push(end());
          begin();
        }
        writeLine(time);
      }
      return Buffer.concat([...chunks, end()]);
    },
    *bytes(target, fromMs = Date.UTC(2026, 10, 22, 16)) {
      let written = 0;
      let time = timePiece(fromMs);
      begin();
      for (let line = 1; written + at < target; line++) {
        writeLine(time);
        if (line % LINES_PER_SECOND === 0) time = timePiece(fromMs + (line / LINES_PER_SECOND) * 1000);
        if (at + MAX_LINE <= CHUNK) continue;
        written += at;
        yield end();
        begin();
      }
      if (at > 0) yield end();
    },
  };
};
