/**
 * Options from the environment: `LOGD_` and the option's key in capitals, dots as underscores (`sink.listen` →
 * `LOGD_SINK_LISTEN`). They win over the file. Options below maps have none, since their names are the user's.
 */
import { nearest } from './nearest.ts';
import { entries, type Node } from './option-tree.ts';

/** A configuration before it is checked: text, and mappings of such. */
export type Raw = string | { [key: string]: Raw } | Raw[];

export interface Overlaid {
  readonly value: Raw;
  /** Which variable gave an option its value, by key. */
  readonly variables: ReadonlyMap<string, string>;
}

/** The configuration with the options that the environment names put in place. An empty variable counts as unset. */
export const overlayEnvironment = (root: Node, value: Raw, env: NodeJS.ProcessEnv): Overlaid => {
  const variables = new Map<string, string>();
  let result = value;
  for (const { key, variable } of entries(root)) {
    const given = variable === undefined ? undefined : env[variable];
    if (variable === undefined || given === undefined || given === '' || variables.has(key)) continue;
    variables.set(key, variable);
    result = withValue(result, key.split('.'), given);
  }
  return { value: result, variables };
};

/** A variable that looks like one of logd's and is none. */
export interface UnknownVariable {
  readonly variable: string;
  readonly nearest: string | undefined;
}

/** Variables that are no options: of commands, of tests, and of those who develop logd. */
const OTHERS = new Set(['LOGD_CONFIG', 'LOGD_FAULT', 'LOGD_SEED', 'LOGD_PARTS']);

/** Variables that begin with `LOGD_` and have no effect. */
export const unknownVariables = (root: Node, env: NodeJS.ProcessEnv): UnknownVariable[] => {
  const known = new Set(entries(root).flatMap(({ variable }) => variable ?? []));
  return Object.keys(env)
    .filter((name) => name.startsWith('LOGD_') && !name.startsWith('LOGD_TEST_'))
    .filter((name) => !known.has(name) && !OTHERS.has(name))
    .map((variable) => ({ variable, nearest: nearest(variable, known) }));
};

const withValue = (value: Raw, path: readonly string[], given: string): Raw => {
  const [key, ...rest] = path;
  if (key === undefined) return given;
  // An empty key (`sink:` with nothing below) reads as empty text, and is as good as an empty mapping.
  const mapping = typeof value === 'object' && !Array.isArray(value) ? value : value === '' ? {} : undefined;
  return mapping === undefined ? value : { ...mapping, [key]: withValue(mapping[key] ?? '', rest, given) };
};
