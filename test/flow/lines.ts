/** Log lines from a seed: the same seed, the same bytes. */

/** Numbers 0 ≤ x < 1 (mulberry32). */
export const randomFrom = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
};

/** The seed of this run: `LOGD_SEED`, else a new one. */
export const seedOf = (env: NodeJS.ProcessEnv = process.env): number =>
  env['LOGD_SEED'] === undefined ? Math.floor(Math.random() * 0x1_0000_0000) : Number(env['LOGD_SEED']);

/** `count` lines, each naming who wrote it and its number, of unequal lengths. */
export const linesOf = (
  writer: string,
  from: number,
  count: number,
  random: () => number = randomFrom(from),
): Buffer => {
  const lines: string[] = [];
  for (let n = from; n < from + count; n++) {
    const filler = Math.floor(random() * 0x1_0000_0000).toString(36);
    lines.push(`${writer} ${n} ${filler.repeat(1 + Math.floor(random() * 20))}\n`);
  }
  return Buffer.from(lines.join(''));
};

/** Whole lines that come to at least so many bytes. */
export const bytesOf = (writer: string, bytes: number, random?: () => number): Buffer => {
  const parts: Buffer[] = [];
  let length = 0;
  for (let n = 0; length < bytes; n += 50) {
    const part = linesOf(writer, n, 50, random);
    parts.push(part);
    length += part.length;
  }
  return Buffer.concat(parts);
};

/** Labels of `count` hours (UTC) from one on. */
export const hoursFrom = (first: string, count: number): string[] => {
  const at = Date.UTC(+first.slice(0, 4), +first.slice(4, 6) - 1, +first.slice(6, 8), +first.slice(8, 10));
  return Array.from({ length: count }, (_, n) =>
    new Date(at + n * 3_600_000).toISOString().slice(0, 13).replaceAll(/[-T]/g, ''),
  );
};
