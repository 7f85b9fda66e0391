/**
 * The source files of segments, where they are at hand: found as the agent finds them, from its configuration.
 */
import { open } from 'node:fs/promises';
import { openHours } from '../../pack/hour.ts';
import { runningDigest } from '../../pack/digest.ts';
import { countLines } from '../../pack/survey.ts';
import { type SegmentKey, segmentName } from '../../pack/pack.ts';
import type { AgentConfig, LogdConfig } from '../../roles/options.ts';
import { openDiscovery } from '../../tail/discover.ts';
import { parsePattern } from '../../tail/pattern.ts';
import type { Contents } from './stored.ts';

const READ_BYTES = 4 * 1024 * 1024;

/** A node's configuration with an agent in it. */
export type AgentNode = Pick<LogdConfig, 'state_dir'> & { readonly agent: AgentConfig };

/** The files of a segment, in the order of their bytes within it. */
export interface SourceFiles {
  readonly paths: readonly string[];
  /** True when the files also hold the repeated hour of a clock change, so that they cannot be compared as they are. */
  readonly shared: boolean;
  /** Where the stream is configured to begin: `beginning`, `end` or an hour. */
  readonly start: string;
  /** The agent's state directory, which may well be out of reach. */
  readonly stateDir: string;
}

/** Segments by {@link segmentName}. */
export type Sources = ReadonlyMap<string, SourceFiles>;

/** Looks up the files that these agents follow. `onError` is told of what cannot be read. */
export const findSources = async (
  agents: readonly AgentNode[],
  onError: (path: string, error: unknown) => void,
): Promise<Sources> => {
  const sources = new Map<string, SourceFiles & { paths: string[]; shared: boolean }>();
  for (const { state_dir: stateDir, agent } of agents)
    for (const [stream, { path, zone, start }] of Object.entries(agent.streams)) {
      const discovery = openDiscovery({ pattern: parsePattern(path), hours: openHours(zone), onError });
      for (const file of await discovery.scan())
        for (const hour of file.repeated === undefined ? [file.label] : [file.label, file.repeated]) {
          const name = segmentName({ host: agent.host, stream, hour });
          const files = sources.get(name) ?? { paths: [], shared: false, start, stateDir };
          files.paths.push(file.path);
          files.shared ||= file.repeated !== undefined;
          sources.set(name, files);
        }
    }
  return sources;
};

/** The files of a segment; undefined where they are not at hand. */
export const sourceOf = (sources: Sources, key: SegmentKey): SourceFiles | undefined =>
  sources.get(segmentName(key));

/** The bytes of files, one after the other. The next read is under way while the last one is worked on. */
async function* bytesOf(paths: readonly string[], onBytes: (bytes: number) => void): AsyncGenerator<Buffer> {
  for (const path of paths) {
    await using file = await open(path);
    const buffers = [Buffer.allocUnsafe(READ_BYTES), Buffer.allocUnsafe(READ_BYTES)] as const;
    let reading = file.read(buffers[0], 0, READ_BYTES);
    for (let turn = 1; ; turn++) {
      const { bytesRead, buffer } = await reading;
      if (bytesRead === 0) break;
      reading = file.read(buffers[turn % 2]!, 0, READ_BYTES);
      yield buffer.subarray(0, bytesRead);
      onBytes(bytesRead);
    }
  }
}

/** Reads files as if they were one. Rejects with the system's error when one of them cannot be read. */
export const readSource = async (
  paths: readonly string[],
  onBytes: (bytes: number) => void = () => {},
): Promise<Contents> => {
  const digest = runningDigest();
  let lines = 0;
  for await (const bytes of bytesOf(paths, onBytes)) {
    digest.update(bytes);
    lines += countLines(bytes);
  }
  return { bytes: digest.bytes, lines, sha256: digest.hex() };
};

export interface SourceEnds {
  readonly whole: Contents;
  /** SHA-256 of the first bytes: as many as were asked for, if there are so many. */
  readonly headSha256: string;
  /** What follows the byte that was asked for. */
  readonly tail: Pick<Contents, 'bytes' | 'sha256'>;
}

/**
 * Reads a file once, for the digests of its first `headBytes` bytes and of all from byte `tailFrom` on, which may overlap.
 * Rejects with the system's error when it cannot be read.
 */
export const readSourceEnds = async (
  path: string,
  headBytes: number,
  tailFrom: number,
  onBytes: (bytes: number) => void = () => {},
): Promise<SourceEnds> => {
  const [digest, tail] = [runningDigest(), runningDigest()];
  let headSha256 = digest.hex();
  let lines = 0;
  for await (const bytes of bytesOf([path], onBytes)) {
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

/** Bytes `from` (inclusive) to `to` (exclusive) of the files as if they were one; fewer where they end before. */
export const readSourceRange = async (
  paths: readonly string[],
  from: number,
  to: number,
): Promise<Buffer> => {
  const parts: Buffer[] = [];
  let start = 0;
  for (const path of paths) {
    await using file = await open(path);
    const { size } = await file.stat();
    const first = Math.max(0, from - start);
    const length = Math.min(to - start, size) - first;
    if (length > 0) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, first);
      parts.push(buffer.subarray(0, bytesRead));
    }
    start += size;
  }
  return Buffer.concat(parts);
};
