/**
 * A commented configuration to start from. Options that must be given, and those that `set` names, stand there with a
 * value; all others as a comment with their default, so that the file shows what there is.
 *
 * `## words` explain; a `#` before a key is an option, which is put to use by removing that `#`. So nobody who removes
 * them, by hand or by a pattern, takes the one for the other, whatever words a summary begins with.
 */
import type { Node } from './option-tree.ts';

export interface ExampleOptions {
  /** Keys of sections to leave out: `sink`, `sink.gowire`. */
  readonly without: readonly string[];
  /** Values by key, maps with the example name: `agent.streams.access.path`. */
  readonly set: Readonly<Record<string, string>>;
}

const PROSE = '## ';

/** YAML text of an example for the tree that `outline` gives. */
export const exampleConfig = (root: Node, options: ExampleOptions): string => {
  if (root.type !== 'section') return '';
  return Array.from(root.children)
    .filter(([key]) => !options.without.includes(key))
    .flatMap(([key, node]) => ['', ...write(key, node, [key], options)])
    .slice(1)
    .concat('')
    .join('\n');
};

const write = (key: string, node: Node, path: readonly string[], options: ExampleOptions): string[] => {
  const { set, without } = options;
  const inner = (children: ReadonlyMap<string, Node>): string[] =>
    Array.from(children)
      .filter(([name]) => !without.includes([...path, name].join('.')))
      .flatMap(([name, child]) => write(name, child, [...path, name], options));
  if (node.type === 'option') return writeOption(key, node, set[path.join('.')]);
  const lines = wrap(node.summary);
  if (node.type === 'section') return [...lines, ...block(key, inner(node.children))];
  // An entry whose options depend on its kind has no one example: it is left out.
  if (node.type === 'map' && node.value.type !== 'section')
    return [...lines, ...wrap(`See logd explain ${path.join('.')}`)];
  if (node.type === 'map') return [...lines, ...block(key, entryOf(node, path, options))];
  const kind = set[`${path.join('.')}.kind`] ?? [...node.variants.keys()][0] ?? '';
  const kinds = Array.from(node.variants, ([name, { summary }]) => wrap(`${name}: ${summary}`)).flat();
  return [
    ...lines,
    ...block(key, [...kinds, `kind: ${kind}`, ...inner(node.variants.get(kind)?.children ?? new Map())]),
  ];
};

const entryOf = (
  node: Extract<Node, { type: 'map' }>,
  path: readonly string[],
  options: ExampleOptions,
): string[] => {
  if (node.value.type !== 'section') return [];
  const children = Array.from(node.value.children).flatMap(([name, child]) =>
    write(name, child, [...path, node.keyExample, name], options),
  );
  return block(node.keyExample, children);
};

/** A section all of whose lines are comments is a comment itself: an empty mapping would be a fault. */
const block = (key: string, lines: readonly string[]): string[] =>
  lines.every((line) => line.trimStart().startsWith('#'))
    ? [`#${key}:`, ...lines.map((line) => `#  ${line.startsWith(PROSE) ? line : line.replace('#', '')}`)]
    : [`${key}:`, ...lines.map((line) => `  ${line}`)];

const writeOption = (
  key: string,
  node: Extract<Node, { type: 'option' }>,
  value: string | undefined,
): string[] => {
  const given = value ?? (node.required ? node.example : undefined);
  if (given !== undefined) return [...wrap(node.summary), `${key}: ${quoted(given)}`];
  const absent = node.absent === undefined ? '' : ` Left out: ${node.absent}.`;
  return [...wrap(`${node.summary}${absent}`), `#${key}: ${quoted(node.default ?? node.example)}`];
};

/** Plain where YAML reads the same text back, else in single quotes. */
const quoted = (text: string): string =>
  /^[A-Za-z0-9/._][\w/.<>%*:+-]*$/.test(text) && !text.endsWith(':')
    ? text
    : `'${text.replaceAll("'", "''")}'`;

const wrap = (text: string): string[] => {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < 96) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`${PROSE}${word}`);
  }
  return lines;
};
