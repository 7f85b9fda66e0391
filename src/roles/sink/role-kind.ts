/** The sink as a role: takes packs, stores and seals them. */
import type { RoleKind } from '../role.ts';
import { completeSink, type SinkConfig, sinkOptions } from './sink-options.ts';

export const sinkRole: RoleKind<typeof sinkOptions, SinkConfig> = {
  name: 'sink',
  summary: 'Receives packs, stores them, keeps the ledger and seals complete segments.',
  schema: sinkOptions,
  takes: { at: ['limits', 'pack_bytes'], bytes: ({ limits }) => limits.pack_bytes },
  complete: completeSink,
  start: async (options, node, deps) => (await import('./sink.ts')).startSink(options, node, deps),
};
