/** Whole segments cut into packs, as an agent cuts them: running digest, generations, totals on the last pack of each. */
import { encode } from '../../src/pack/codec.ts';
import { runningDigest } from '../../src/pack/digest.ts';
import { checksumOf, countLines } from '../../src/pack/survey.ts';
import type { Codec, PackHeader, SegmentKey, VerifiedPack } from '../../src/pack/pack.ts';

export const KEY: SegmentKey = { host: 'web1', stream: 'access', hour: '2026112216' };
const LAST_LINE = Date.UTC(2026, 10, 22, 16, 59, 59);

interface CutOptions {
  readonly key?: SegmentKey;
  readonly codec?: Codec;
  /** Ids of the packs that end generation 1, 2, …; the last pack unless told. Empty: the segment goes on. */
  readonly ends?: readonly number[];
  readonly hoursInDay?: number;
}

/** One pack for each part, ids from 1, end to end. */
export const cutInto = async (
  parts: readonly Buffer[],
  {
    key = KEY,
    codec = 'none',
    ends = [parts.length],
    hoursInDay = key.hour.length === 8 ? 1 : 24,
  }: CutOptions = {},
): Promise<VerifiedPack[]> => {
  const digest = runningDigest();
  const packs: VerifiedPack[] = [];
  let lines = 0;
  for (const [index, raw] of parts.entries()) {
    const id = index + 1;
    const offset = digest.bytes;
    digest.update(raw);
    lines += countLines(raw);
    const sha256 = digest.hex();
    const header: PackHeader = {
      ...{ host: key.host, stream: key.stream, hour: key.hour },
      ...{ id, generation: ends.filter((end) => end < id).length + 1 },
      ...{ offset, bytes: raw.length, lines: countLines(raw), checksum: checksumOf(raw), sha256 },
      ...{ codec, time: LAST_LINE },
      ...(ends.includes(id) && { done: { packs: id, lines, bytes: digest.bytes, sha256, hoursInDay } }),
    };
    packs.push({ header, raw, body: await encode(raw, codec, 1) });
  }
  return packs;
};

/** So many parts of log lines, each part different. */
export const logParts = (count: number, seed = 1): Buffer[] =>
  Array.from({ length: count }, (_, part) =>
    Buffer.from(
      Array.from(
        { length: 1 + ((part * 7 + seed) % 5) },
        (_, line) => `GET /${seed}/${part}/${line} 200\n`,
      ).join(''),
    ),
  );

/** Another body under the same name and place, consistent in itself: only the running digest can tell. */
export const forged = (pack: VerifiedPack): VerifiedPack => {
  const raw = Buffer.from(pack.raw);
  raw[0] = raw[0]! ^ 1;
  return { header: { ...pack.header, codec: 'none', checksum: checksumOf(raw) }, raw, body: raw };
};
