/**
 * The proof of a segment: what is stored of it adds up to what its agent read.
 */
import type { PackRecord, RecordedSegment } from '../ledger/ledger.ts';
import { type RunningDigest, runningDigest } from '../pack/digest.ts';
import type { AtMost } from '../disk/at-most.ts';
import type { Store } from '../stores/store.ts';

/**
 * Why the segment is not what its agent read: one sentence, or undefined when it is. The digest of what arrived is used
 * where it is known; else the stored bytes are read back, `reading` in its turn.
 */
export const disproof = async (
  store: Pick<Store, 'read'>,
  recorded: RecordedSegment,
  arrived: RunningDigest | undefined,
  reading: AtMost = (job) => job(),
): Promise<string | undefined> => {
  const { segment } = recorded;
  const { expected } = segment;
  if (expected === undefined) return 'Its end has not been announced.';
  for (const what of ['packs', 'lines', 'bytes'] as const)
    if (segment[what] !== expected[what])
      return `It has ${segment[what]} ${what}, its agent read ${expected[what]}.`;
  if (arrived?.bytes === expected.bytes && arrived.hex() === expected.sha256) return undefined;
  return reading(() => disproofOfStored(store, recorded, expected.sha256));
};

/** Reads all that is stored, and holds it against the running digest of each pack: the first that differs is the place. */
const disproofOfStored = async (
  store: Pick<Store, 'read'>,
  recorded: RecordedSegment,
  sha256: string,
): Promise<string | undefined> => {
  const digest = runningDigest();
  const walk = await packWalk(recorded);
  for await (const bytes of store.read(recorded)) {
    for (let at = 0; at < bytes.length;) {
      const part = bytes.subarray(at, at + walk.rest(digest));
      digest.update(part);
      at += part.length;
      await walk.pass(digest);
    }
  }
  if (digest.hex() === sha256) return walk.falsePack();
  return `Its SHA-256 is ${digest.hex()}, its agent read ${sha256}; ${walk.verdict(digest)}.`;
};

interface PackWalk {
  /** Bytes until the next pack's end; endless behind the last. */
  rest(digest: RunningDigest): number;
  /** Looks at the packs that end where the digest stands. */
  pass(digest: RunningDigest): Promise<void>;
  /** Names the first pack whose own SHA-256 was false although the hour's is right; undefined where there is none. */
  falsePack(): string | undefined;
  /** Where the stored bytes begin to differ. */
  verdict(digest: RunningDigest): string;
}

const packWalk = async (recorded: RecordedSegment): Promise<PackWalk> => {
  const packs = recorded.packs()[Symbol.asyncIterator]();
  const next = async (): Promise<PackRecord | undefined> => {
    const { done, value } = await packs.next();
    return done ? undefined : value;
  };
  const endOf = ({ header }: PackRecord): number => header.offset + header.bytes;
  let pack = await next();
  let first: PackRecord | undefined;
  const pass = async (digest: RunningDigest): Promise<void> => {
    for (; pack !== undefined && endOf(pack) <= digest.bytes; pack = await next())
      if (digest.hex() !== pack.header.sha256) first ??= pack;
  };
  await pass(runningDigest());
  return {
    rest: (digest) => (pack === undefined ? Number.MAX_SAFE_INTEGER : endOf(pack) - digest.bytes),
    pass,
    falsePack: () =>
      first &&
      `Pack ${first.header.id} came with a false SHA-256 of the hour up to its end (${first.header.sha256}), although the hour as a whole is what its agent read. No repair could be checked against that.`,
    verdict: (digest) => {
      if (first !== undefined) {
        const { id, offset, bytes } = first.header;
        return `pack ${id} (bytes ${offset} to ${offset + bytes}) is the first that differs`;
      }
      if (pack !== undefined) return `the stored bytes end at ${digest.bytes}`;
      return 'every pack is what it claims, and the end is not';
    },
  };
};
