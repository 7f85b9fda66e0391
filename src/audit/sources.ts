/**
 * The source files of segments, where they are at hand: found as the agent finds them, from its configuration.
 */
import { openHours } from '../pack/hour.ts';
import { type SegmentKey, segmentName } from '../pack/pack.ts';
import type { AgentConfig } from '../roles/agent/agent-options.ts';
import type { LogdConfig } from '../roles/options.ts';
import { openDiscovery } from '../tail/discover.ts';
import { parsePattern } from '../tail/pattern.ts';

/** A node's configuration with an agent in it. */
export type AgentNode = Pick<LogdConfig, 'state_dir'> & { readonly agent: AgentConfig };

/** The files of a segment, in the order of their bytes within it. */
export interface AgentSource {
  readonly paths: readonly string[];
  /** True when the files also hold the repeated hour of a clock change, so that they cannot be compared as they are. */
  readonly shared: boolean;
  /** False where a segment has one file only, whose name the pattern fixes. */
  readonly mayBeSeveral: boolean;
  /** Where the stream is configured to begin: `beginning`, `end` or an hour. */
  readonly start: string;
  /** The agent's state directory, which may well be out of reach. */
  readonly stateDir: string;
}

/** Segments by {@link segmentName}. */
export type Sources = ReadonlyMap<string, AgentSource>;

/** Looks up the files that these agents follow. `onError` is called with what cannot be read. */
export const findSources = async (
  agents: readonly AgentNode[],
  onError: (path: string, error: unknown) => void,
): Promise<Sources> => {
  const sources = new Map<string, AgentSource & { paths: string[]; shared: boolean }>();
  for (const { state_dir: stateDir, agent } of agents)
    for (const [stream, { path, zone, start }] of Object.entries(agent.streams)) {
      const pattern = parsePattern(path);
      const discovery = openDiscovery({ pattern, hours: openHours(zone), onError });
      const mayBeSeveral = pattern.minutes || /[*?]/.test(pattern.text);
      for (const file of await discovery.scan())
        for (const hour of file.repeated === undefined ? [file.label] : [file.label, file.repeated]) {
          const name = segmentName({ host: agent.host, stream, hour });
          const files = sources.get(name) ?? { paths: [], shared: false, mayBeSeveral, start, stateDir };
          files.paths.push(file.path);
          files.shared ||= file.repeated !== undefined;
          sources.set(name, files);
        }
    }
  return sources;
};

/** The files of a segment; undefined where they are not at hand. */
export const sourceOf = (sources: Sources, key: SegmentKey): AgentSource | undefined =>
  sources.get(segmentName(key));
