/** `logd explain`: what an option means. */
import { Command } from 'commander';
import type { Entry } from '../config/option-tree.ts';
import { LogdError } from '../error.ts';
import { describeTerm, proseWidth, wrap } from '../text/prose.ts';
import { type TextOutput, painter } from '../text/terminal.ts';

/** Before what belongs to the line above it. */
const BELOW = '    ';

export const explainCommand = (): Command =>
  new Command('explain')
    .description("Show an option's meaning, type, default and example; without a key, list all options.")
    .argument('[key]', 'key of an option or section; its last part is enough where that is unique')
    .addHelpText(
      'after',
      `
Examples:
  logd explain                        list all options
  logd explain sink.listen
  logd explain agent.pack             a section and what is in it
  logd explain max_delay              finds agent.pack.max_delay

Exit codes:
  0  shown
  1  the output cannot be written
  2  there is no such option`,
    )
    .action(async (key: string | undefined) => {
      const { entries, outline } = await import('../config/option-tree.ts');
      const { logdOptions } = await import('../roles/options.ts');
      const all = entries(outline(logdOptions));
      const lines =
        key === undefined ? await list(all, process.stdout) : await explain(all, key, process.stdout);
      process.stdout.write(`${lines.join('\n')}\n`);
    });

/** Each option with its type and default, its meaning below. */
const list = async (all: readonly Entry[], output: TextOutput): Promise<string[]> => {
  const { defaultOf, MUST_BE_GIVEN } = await import('../config/reference.ts');
  const paint = painter(output);
  const width = proseWidth(output);
  return all.flatMap(({ key, variant, node }) => {
    if (node.type !== 'option') return [];
    const name = variant === undefined ? key : `${key} (${variant})`;
    const absent = defaultOf(node);
    const worth = absent === MUST_BE_GIVEN ? 'must be given' : `default: ${absent}`;
    const [first = '', ...more] = wrap(`${name} · ${node.kind.name} · ${worth}`, width, '', BELOW);
    const head = first.startsWith(name) ? paint('bold', name) + first.slice(name.length) : first;
    return [head, ...more, ...wrap(node.summary, width, BELOW)];
  });
};

const explain = async (all: readonly Entry[], key: string, output: TextOutput): Promise<string[]> => {
  const { nearest } = await import('../config/nearest.ts');
  const found = find(all, key);
  if (found.length === 0) {
    const wanted = key.split('.');
    // The user's own name of a stream is no mistake.
    const names = all.map((entry) =>
      entry.key
        .split('.')
        .map((part, at) => (isPlaceholder(part) ? (wanted[at] ?? part) : part))
        .join('.'),
    );
    const meant = nearest(key, names) ?? names.find((name) => nearest(key, [name.split('.').at(-1) ?? '']));
    const hint = meant === undefined ? '`logd explain` lists all.' : `Did you mean ${meant}?`;
    throw new LogdError('usage', `There is no option ${JSON.stringify(key)}. ${hint}`);
  }
  const blocks = await Promise.all(found.map((entry) => describe(all, entry, output)));
  return blocks.flatMap((block, index) => (index === 0 ? block : ['', ...block]));
};

const isPlaceholder = (part: string): boolean => /^[A-Z]+$/.test(part);

/** By the full key, with any name in place of the `STREAM` of a map; else by the last parts of it. */
const find = (all: readonly Entry[], key: string): Entry[] => {
  const wanted = key.split('.');
  const matches = (parts: readonly string[]): boolean =>
    parts.length === wanted.length &&
    parts.every((part, index) => part === wanted[index] || (isPlaceholder(part) && wanted[index] !== ''));
  const exact = all.filter((entry) => matches(entry.key.split('.')));
  return exact.length > 0
    ? exact
    : all.filter((entry) => matches(entry.key.split('.').slice(-wanted.length)));
};

const describe = async (all: readonly Entry[], entry: Entry, output: TextOutput): Promise<string[]> => {
  const { boundsOf, defaultOf } = await import('../config/reference.ts');
  const { key, node, variant, variable } = entry;
  const paint = painter(output);
  const width = proseWidth(output);
  const lines = [
    paint('bold', variant === undefined ? key : `${key} (${variant})`),
    ...wrap(node.summary, width, '  '),
  ];
  const field = (name: string, value: string | undefined): string[] =>
    value === undefined ? [] : describeTerm(`  ${paint('cyan', name)}`, 14, value, width);
  if (node.type === 'option') {
    const bounds = boundsOf(node);
    return lines.concat(
      field('type', bounds === undefined ? node.kind.name : `${node.kind.name}, ${bounds}`),
      field('default', defaultOf(node)),
      field('example', `${key.split('.').at(-1)}: ${node.example}`),
      field('environment', variable),
    );
  }
  if (node.type === 'variants')
    lines.push(...Array.from(node.variants, ([kind, { summary }]) => field(`kind: ${kind}`, summary)).flat());
  const below = all.filter((each) => each.key.startsWith(`${key}.`) && each.node.type === 'option');
  return [...lines, '', ...(await list(below, output))];
};
