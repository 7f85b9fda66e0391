/** The kinds of outputs there are. A new one is a folder beside this file, and its name in the list. */
import type { Variant } from '../config/option.ts';
import { LogdError } from '../error.ts';
import { etlOutput } from './etl/kind.ts';
import { mongoOutput } from './mongodb/kind.ts';
import type { Output, OutputDeps, OutputKind } from './output.ts';

/** Those that a user names below `sink.outputs`. */
export const outputKinds: readonly OutputKind[] = [etlOutput, mongoOutput];

export const outputKindOf = ({ kind }: Variant): OutputKind => {
  const found = outputKinds.find((each) => each.kind === kind);
  if (found === undefined) throw new LogdError('config', `There is no kind of output called ${kind}.`);
  return found;
};

/** Opens the output of a validated `sink.outputs.NAME` section. */
export const openOutput = (options: Variant, deps: OutputDeps): Promise<Output> =>
  outputKindOf(options).open(options, deps);
