/** What is wrong with a configuration, in words and with a place: one fault for each thing to fix. */
import type { z } from 'zod';
import { nearest } from './nearest.ts';
import { entries, keysOf, type Node, nodeAt } from './option-tree.ts';

/** A fault before it has a place in the file. */
export interface Finding {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** The place is the key (an unknown one), not its value. */
  readonly atKey: boolean;
}

/** One fault of a configuration file. */
export interface Fault {
  /** From 1; 0 when the value came from the environment. */
  readonly line: number;
  /** From 1, in characters; 0 when the value came from the environment. */
  readonly column: number;
  /** `agent.pack.size`; empty for the file as a whole. */
  readonly path: string;
  /** Sentence that says what is wrong and what to write instead. */
  readonly message: string;
  /** The environment variable that gave the value. */
  readonly variable?: string;
}

/** Findings for what zod found wrong with `value`. */
export const findingsOf = (issues: readonly z.core.$ZodIssue[], root: Node, value: unknown): Finding[] =>
  issues.flatMap((issue): Finding[] => {
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({
        path: [...issue.path, key],
        message: unknownKey(key, issue.path, root, value),
        atKey: true,
      }));
    if (issue.code === 'invalid_key')
      return issue.issues.map(({ message }) => ({ path: issue.path, message, atKey: true }));
    return [{ path: issue.path, message: wording(issue, root, value), atKey: false }];
  });

const wording = (issue: z.core.$ZodIssue, root: Node, value: unknown): string => {
  const node = nodeAt(root, issue.path, value);
  if (issue.code === 'invalid_type') {
    if (given(issue.path, value) === undefined) return missing(node);
    return node?.type === 'option'
      ? `This takes one value, such as ${node.example}, not a list or further keys.`
      : `Expected keys below this one${known(node, value)}`;
  }
  if (issue.code === 'invalid_union') {
    const kinds = nodeAt(root, issue.path.slice(0, -1), value);
    const names = kinds?.type === 'variants' ? [...kinds.variants.keys()] : [];
    return kindFault(given(issue.path, value), names);
  }
  return issue.message;
};

/** What is wrong with a `kind` that is none of these names. */
export const kindFault = (kind: unknown, names: readonly string[]): string => {
  if (typeof kind !== 'string' || kind === '') return `The kind is missing: use ${names.join(' or ')}.`;
  return `There is no kind ${JSON.stringify(kind)}${meant(kind, names) ?? `: use ${names.join(' or ')}.`}`;
};

const missing = (node: Node | undefined): string =>
  node?.type === 'option'
    ? `This option is missing. For example: ${node.example}`
    : `This section is missing. ${node?.summary ?? ''}`.trim();

const known = (node: Node | undefined, value: unknown): string => {
  if (node?.type === 'map') return `: the name of a ${node.key.toLowerCase()}, such as ${node.keyExample}.`;
  const keys = keysOf(node, value);
  return keys.length === 0 ? '.' : `: ${keys.join(', ')}.`;
};

const unknownKey = (key: string, path: readonly PropertyKey[], root: Node, value: unknown): string => {
  const siblings = keysOf(nodeAt(root, path, value), given(path, value));
  const hint =
    elsewhere(key, path, root, value) ??
    meant(key, siblings) ??
    elsewhere(key, [], root, value) ??
    `: use one of ${siblings.join(', ')}.`;
  return `Unknown key ${JSON.stringify(key)}${hint}`;
};

/** The options of this name in the sections below a path: the required ones among them, where one is not given yet. */
const elsewhere = (
  key: string,
  path: readonly PropertyKey[],
  root: Node,
  value: unknown,
): string | undefined => {
  const node = nodeAt(root, path, value);
  const named = (node === undefined ? [] : entries(node))
    .filter((entry) => entry.node.type === 'option' && entry.key.endsWith(`.${key}`))
    .map((entry) => ({ path: [...path.map(String), ...entry.key.split('.')], ...entry.node }));
  const open = named.filter((each) => given(each.path, value) === undefined);
  const required = open.filter((each) => each.required);
  const best = [required, open, named].find((each) => each.length > 0);
  return best && `: did you mean ${[...new Set(best.map((each) => each.path.join('.')))].join(' or ')}?`;
};

const meant = (word: string, candidates: readonly string[]): string | undefined => {
  const candidate = nearest(word, candidates);
  return candidate === undefined ? undefined : `: did you mean ${candidate}?`;
};

const given = (path: readonly PropertyKey[], value: unknown): unknown =>
  path.reduce<unknown>(
    (at, key) =>
      typeof at === 'object' && at !== null
        ? Object.entries(at).find(([name]) => name === String(key))?.[1]
        : undefined,
    value,
  );
