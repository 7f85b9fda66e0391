/**
 * The source files of segments, where they are at hand: found as the agent finds them, from its configuration.
 */
import { open } from 'node:fs/promises';
import { openHours } from '../../pack/hour.ts';
import { runningDigest } from '../../pack/digest.ts';
import { countLines } from '../../pack/line-count.ts';
import { type SegmentKey, segmentName } from '../../pack/pack.ts';
import type { AgentConfig } from '../../roles/options.ts';
import { openDiscovery } from '../../tail/discover.ts';
import { parsePattern } from '../../tail/pattern.ts';
import type { Contents } from './stored.ts';

const READ_BYTES = 4 * 1024 * 1024;

/** The files of a segment, in the order of their bytes within it. */
export interface SourceFiles {
  readonly paths: readonly string[];
  /** True when the files also hold the repeated hour of a clock change, so that they cannot be compared as they are. */
  readonly shared: boolean;
}

/** Segments by {@link segmentName}. */
export type Sources = ReadonlyMap<string, SourceFiles>;

/** Looks up the files that these agents follow. `onError` is told of what cannot be read. */
export const findSources = async (
  agents: readonly AgentConfig[],
  onError: (path: string, error: unknown) => void,
): Promise<Sources> => {
  const sources = new Map<string, { paths: string[]; shared: boolean }>();
  for (const { host, streams } of agents)
    for (const [stream, { path, zone }] of Object.entries(streams)) {
      const discovery = openDiscovery({ pattern: parsePattern(path), hours: openHours(zone), onError });
      for (const file of await discovery.scan())
        for (const hour of file.repeated === undefined ? [file.label] : [file.label, file.repeated]) {
          const name = segmentName({ host, stream, hour });
          const files = sources.get(name) ?? { paths: [], shared: false };
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

/**
 * Reads files one after the other as if they were one. The next read is under way while the last one is hashed.
 * Rejects with the system's error when one of them cannot be read.
 */
export const readSource = async (
  paths: readonly string[],
  onBytes: (bytes: number) => void = () => {},
): Promise<Contents> => {
  const digest = runningDigest();
  let lines = 0;
  for (const path of paths) {
    await using file = await open(path);
    const buffers = [Buffer.allocUnsafe(READ_BYTES), Buffer.allocUnsafe(READ_BYTES)] as const;
    let reading = file.read(buffers[0], 0, READ_BYTES);
    for (let turn = 1; ; turn++) {
      const { bytesRead, buffer } = await reading;
      if (bytesRead === 0) break;
      reading = file.read(buffers[turn % 2]!, 0, READ_BYTES);
      const bytes = buffer.subarray(0, bytesRead);
      digest.update(bytes);
      lines += countLines(bytes);
      onBytes(bytesRead);
    }
  }
  return { bytes: digest.bytes, lines, sha256: digest.hex() };
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
