/**
 * Reads a configuration file: YAML 1.2, at most 1 MiB, all scalars taken as text (the option's kind reads it).
 * Every fault of the file is found at once, each with its line and column.
 */
import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import {
  isMap,
  isPair,
  isScalar,
  LineCounter,
  type Node as YamlNode,
  type ParsedNode,
  parseDocument,
} from 'yaml';
import type { z } from 'zod';
import { errnoOf, LogdError, messageOf } from '../error.ts';
import { overlayEnvironment, type Raw, unknownVariables, type UnknownVariable } from './environment.ts';
import { withPathsBelow } from './relative-paths.ts';
import { type Fault, type Finding, findingsOf } from './fault.ts';
import { outline } from './option-tree.ts';
import { presumeKinds } from './guess-kind.ts';

const LARGEST_FILE = 1024 ** 2;

export type Loaded<Value> =
  | { readonly ok: true; readonly value: Value; readonly given: Given }
  /** `given` is absent where the file is not YAML. */
  | { readonly ok: false; readonly faults: readonly Fault[]; readonly given?: Given };

/** What was written, for whoever checks more than a file can show. */
export interface Given {
  /** The text of an option, by its key: `sink.token_file`; undefined where it is left out. */
  textOf(key: string): string | undefined;
  /** A fault of that option, with its place. */
  faultOf(key: string, message: string): Fault;
  /** Variables of the environment that look like options and have no effect. */
  readonly unknownVariables: readonly UnknownVariable[];
}

/** Reads and checks a file. Rejects with `config` when the file cannot be read at all. */
export const loadConfig = async <Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  env: NodeJS.ProcessEnv,
): Promise<Loaded<z.output<Schema>>> =>
  parseConfig(await readText(path), schema, env, dirname(resolve(path)));

const readText = async (path: string): Promise<string> => {
  try {
    await using file = await open(path);
    // A pipe has no size to go by, and a file may grow: one byte more than allowed shows that there is too much.
    const buffer = Buffer.alloc(LARGEST_FILE + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      length += bytesRead;
      if (bytesRead === 0 || length === buffer.length) break;
    }
    if (length > LARGEST_FILE)
      throw new LogdError('config', 'it is larger than 1 MiB, so it is no configuration of logd');
    return buffer.toString('utf8', 0, length);
  } catch (error) {
    const reason =
      errnoOf(error) === 'ENOENT' ? 'there is no such file; `logd init` writes one' : messageOf(error);
    throw new LogdError('config', `Cannot read the configuration ${path}: ${reason}.`, { cause: error });
  }
};

/** Checks the text of a configuration file; `base`: the directory that its relative paths are relative to, instead of the current one. */
export const parseConfig = <Schema extends z.ZodType>(
  text: string,
  schema: Schema,
  env: NodeJS.ProcessEnv,
  base?: string,
): Loaded<z.output<Schema>> => {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, schema: 'failsafe', prettyErrors: false });
  const place = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const problems = [...document.errors, ...document.warnings];
  const syntax = problems.map(({ message, pos, code }): Fault => {
    const said =
      code === 'DUPLICATE_KEY'
        ? 'This key is given twice: remove one of them.'
        : `Not valid YAML: ${message}`;
    return { ...place(pos[0]), path: '', message: said };
  });
  // A tree that could not be parsed as meant would only add faults that are none.
  if (problems.some(({ code }) => code !== 'DUPLICATE_KEY')) return { ok: false, faults: sorted(syntax) };

  const root = outline(schema);
  let raw: Raw;
  try {
    raw = (document.toJS() as Raw | null) ?? {};
  } catch (error) {
    return {
      ok: false,
      faults: [{ line: 1, column: 1, path: '', message: `Not valid YAML: ${messageOf(error)}` }],
    };
  }
  const { value: overlaid, variables } = overlayEnvironment(root, raw === '' ? {} : raw, env);
  const { value: presumed, findings } = presumeKinds(root, overlaid);
  const value = base === undefined ? presumed : withPathsBelow(base, root, presumed);
  const parsed = schema.safeParse(value);
  const placed = (finding: Finding): Fault => {
    const path = finding.path.map(String).join('.');
    const variable = variables.get(path);
    return variable === undefined
      ? { ...place(offsetOf(document.contents, finding)), path, message: finding.message }
      : { line: 0, column: 0, path, message: finding.message, variable };
  };
  const given: Given = {
    textOf: (key) => textAt(value, key.split('.')),
    // One that the file names, as for a password, is not logd's.
    unknownVariables: unknownVariables(root, env).filter(({ variable }) => !text.includes(variable)),
    faultOf: (key, message) => placed({ path: key.split('.'), message, atKey: false }),
  };
  if (parsed.success && syntax.length === 0 && findings.length === 0)
    return { ok: true, value: parsed.data, given };
  const found = parsed.success ? [] : findingsOf(parsed.error.issues, root, value);
  const faults = [...syntax, ...[...findings, ...found].map(placed)];
  return { ok: false, faults: sorted(faults), given };
};

const textAt = (value: Raw | undefined, [key, ...rest]: readonly string[]): string | undefined => {
  if (key === undefined) return typeof value === 'string' ? value : undefined;
  return typeof value === 'object' && !Array.isArray(value) ? textAt(value[key], rest) : undefined;
};

/** In the order of the file. */
export const sorted = (faults: readonly Fault[]): Fault[] =>
  faults.toSorted((a, b) => a.line - b.line || a.column - b.column);

/** Where a finding is in the file: the deepest node that its path leads to. */
const offsetOf = (contents: ParsedNode | null, { path, atKey }: Finding): number => {
  let node: YamlNode | null = contents;
  let offset = startOf(contents);
  for (const [index, key] of path.entries()) {
    if (!isMap(node)) break;
    const pair = node.items.find(
      (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(key),
    );
    if (pair === undefined) break;
    const keyNode = pair.key as YamlNode;
    node = pair.value as YamlNode | null;
    // A mapping is named by its key: that is the line where a missing option would be looked for.
    offset = startOf(
      (atKey && index === path.length - 1) || isMap(node) || node === null || isEmpty(node) ? keyNode : node,
    );
  }
  return offset;
};

const isEmpty = (node: YamlNode): boolean => isScalar(node) && (node.value === '' || node.value === null);

const startOf = (node: YamlNode | null): number => node?.range?.[0] ?? 0;

/** `logd.yaml:12:5: agent.pack.size: …`, as compilers and editors have it. */
export const formatFault = (file: string, { line, column, path, message, variable }: Fault): string => {
  const where = variable === undefined ? `${file}:${line}:${column}` : `environment variable ${variable}`;
  return path === '' ? `${where}: ${message}` : `${where}: ${path}: ${message}`;
};
