/** The configuration file as the commands take it: `-c FILE`, checked as a whole. */
import { Option } from 'commander';
import type { Fault } from '../config/fault.ts';
import type { UnknownVariable } from '../config/environment.ts';
import type { Given, Loaded } from '../config/load.ts';
import { LogdError } from '../error.ts';
import type { LogdConfig } from '../roles/options.ts';

/** `-c, --config FILE`, the same for every command. */
export const configOption = (): Option =>
  new Option('-c, --config <file>', 'configuration file').default('logd.yaml').env('LOGD_CONFIG');

/** The checked configuration. Rejects with a `config` LogdError whose message has a line for each fault. */
export const readConfig = async (file: string): Promise<LogdConfig> => (await readGiven(file)).config;

/** The same, with what was written. */
export const readGiven = async (
  file: string,
): Promise<{ readonly config: LogdConfig; readonly given: Given }> => {
  const loaded = await loadFile(file);
  if (loaded.ok) return { config: loaded.value, given: loaded.given };
  throw await refusal(file, loaded.faults);
};

/** The configuration with its faults. */
export const loadFile = async (file: string): Promise<Loaded<LogdConfig>> => {
  // Loaded on demand: zod and YAML take longer to start than the commands that need neither.
  const { loadConfig } = await import('../config/load.ts');
  const { logdOptions } = await import('../roles/options.ts');
  return loadConfig(file, logdOptions, process.env);
};

/** `The environment variable LOGD_SINK_LISTN is no option of logd and has no effect. Did you mean LOGD_SINK_LISTEN?` */
export const describeUnknown = ({ variable, nearest }: UnknownVariable): string =>
  `The environment variable ${variable} is no option of logd and has no effect.` +
  (nearest === undefined ? '' : ` Did you mean ${nearest}?`);

/** The error that tells the faults of a file: a line for each. */
export const refusal = async (file: string, faults: readonly Fault[]): Promise<LogdError> => {
  const { formatFault, sorted } = await import('../config/load.ts');
  const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`;
  const lines = sorted(faults).map((fault) => formatFault(file, fault));
  return new LogdError('config', [...lines, `${count} in ${file}.`].join('\n'));
};
