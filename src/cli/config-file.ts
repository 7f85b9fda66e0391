/** The configuration file as the commands take it: `-c FILE`, checked as a whole. */
import { Option } from 'commander';
import { LogdError } from '../error.ts';
import type { LogdConfig } from '../roles/options.ts';

/** `-c, --config FILE`, the same for every command. */
export const configOption = (): Option =>
  new Option('-c, --config <file>', 'configuration file').default('logd.yaml').env('LOGD_CONFIG');

/** The checked configuration. Rejects with a `config` LogdError whose message has a line for each fault. */
export const readConfig = async (file: string): Promise<LogdConfig> => {
  // Loaded on demand: zod and YAML take longer to start than the commands that need neither.
  const { formatFault, loadConfig } = await import('../config/load.ts');
  const { logdOptions } = await import('../roles/options.ts');
  const loaded = await loadConfig(file, logdOptions, process.env);
  if (loaded.ok) return loaded.value;
  const count = loaded.faults.length === 1 ? '1 fault' : `${loaded.faults.length} faults`;
  const lines = loaded.faults.map((fault) => formatFault(file, fault));
  throw new LogdError('config', [...lines, `${count} in ${file}.`].join('\n'));
};
