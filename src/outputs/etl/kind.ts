/** The ETL as an output: each sealed hour becomes rows in partitioned files; again, replacing them, when late lines reseal it. */
import { makeDirectory } from '../../disk/durable-directory.ts';
import { messageOf } from '../../error.ts';
import type { Counts, Output, OutputKind, OutputStatus } from '../output.ts';
import { loadRules } from './load-rules.ts';
import { type EtlOptions, etlOptions } from './options.ts';
import { markFailed } from './publish-hour.ts';
import { runHour } from './run-hour.ts';

/** `part-<stream>__<host>__<hour>`: no name holds `__`, so no two hours have one name. */
export const partName = ({ host, stream, hour }: { host: string; stream: string; hour: string }): string =>
  `part-${stream}__${host}__${hour}`;

const openEtl = async (options: EtlOptions): Promise<Output> => {
  // Faults of the files are reported at the start, not at the first hour.
  loadRules(options);
  await makeDirectory(options.dir, 'dir of the output');
  const streams = options.streams?.split(',').map((stream) => stream.trim());
  let status: OutputStatus = { state: 'running' };
  return {
    wants: ({ stream }) => streams === undefined || streams.includes(stream),
    async deliver(item, signal): Promise<Counts> {
      if (item.unit !== 'hour') throw new Error('The ETL takes hours.');
      const part = partName(item.key);
      try {
        const { counts } = await runHour(
          options,
          { dir: options.dir, part, seal: item.seal.sha256 },
          item.read(),
          signal,
        );
        status = { state: 'running' };
        const dropped = Object.values(counts.dropped).reduce((sum, each) => sum + each, 0);
        return { delivered: counts.rows, dropped, rejected: counts.rejected };
      } catch (error) {
        if (!signal.aborted) {
          status = { state: 'failing', error: messageOf(error) };
          await markFailed(options.dir, part, messageOf(error)).catch(() => undefined);
        }
        throw error;
      }
    },
    status: () => status,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
};

export const etlOutput: OutputKind<typeof etlOptions> = {
  kind: 'etl',
  summary: 'Sealed hours as typed, partitioned columns: Hive text, TSV, JSON lines, Parquet.',
  unit: 'hour',
  schema: etlOptions,
  open: (options) => openEtl(options),
};
