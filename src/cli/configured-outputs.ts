/** What the commands about outputs share: the ledger of a sink, and what its configuration says of its outputs. */
import type { OpenLedger } from '../ledger/ledger-kind.ts';
import { LogdError } from '../error.ts';
import type { OutputRecord } from '../ledger/delivery.ts';
import type { KnownOutput } from '../report/output-progress.ts';
import type { LogdConfig } from '../roles/options.ts';
import { readConfig } from './config-file.ts';

export interface SinkOutputs {
  readonly config: LogdConfig;
  readonly sink: NonNullable<LogdConfig['sink']>;
  readonly known: readonly KnownOutput[];
}

/** Reads a sink's configuration. Rejects with `usage` where the file has no sink. */
export const readSinkOutputs = async (file: string): Promise<SinkOutputs> => {
  const config = await readConfig(file);
  const { sink } = config;
  if (!sink)
    throw new LogdError(
      'usage',
      `${file} has no sink, and only a sink has outputs: name the sink's configuration.`,
    );
  const { outputKindOf } = await import('../outputs/registry.ts');
  const named = Object.entries(sink.outputs ?? {}).map(([name, options]): KnownOutput => {
    const { streams } = options as { readonly streams?: unknown };
    const wanted = Array.isArray(streams) ? new Set<unknown>(streams) : undefined;
    const { kind, unit } = outputKindOf(options);
    return { name, kind, unit, wants: ({ stream }) => wanted?.has(stream) ?? true };
  });
  const markers: KnownOutput = { name: 'markers', kind: 'markers', unit: 'hour', wants: () => true };
  return { config, sink, known: [markers, ...named] };
};

/** Opens the ledger beside a running sink: to look at, or to change what the sink then follows. */
export const openSinkLedger = async (
  { sink }: Pick<SinkOutputs, 'sink'>,
  how: 'look' | 'change',
): Promise<OpenLedger> => {
  const { openLedger } = await import('../ledger/registry.ts');
  return openLedger(sink.ledger, how);
};

/** The record of an output by its name. Throws `usage` for one that the ledger does not know. */
export const recordOf = (records: readonly OutputRecord[], name: string): OutputRecord => {
  const record = records.find((each) => each.name === name);
  if (record !== undefined) return record;
  const names = records.map((each) => each.name).join(', ');
  throw new LogdError('usage', `There is no output called ${name}. The ledger has: ${names || 'none'}.`);
};
