/** Sentences and help that fit the terminal. What a user may copy, a command or a path, is never broken inside. */
import { stripVTControlCharacters } from 'node:util';
import type { Display } from './terminal.ts';

const NO_TERMINAL = 80;
const NARROWEST = 20;
/** Longer lines are hard to read. */
const WIDEST = 100;
/** A description beside its term has at least so many columns; where there are fewer it goes below the term. */
const LEAST_BESIDE = 24;
const BELOW = 4;
const HANGING = '  ';

/** Columns for help: the terminal's, within reason; elsewhere `COLUMNS`, as for other tools, or 80. */
export const proseWidth = (stream: Display, env: NodeJS.ProcessEnv = process.env): number => {
  const columns = stream.isTTY === true ? stream.columns : Number(env['COLUMNS']);
  return Math.min(WIDEST, Math.max(NARROWEST, columns || NO_TERMINAL));
};

const spaces = (count: number): string => ' '.repeat(count);

const segmenter = new Intl.Segmenter();

const columnsOf = (text: string): number =>
  Array.from(segmenter.segment(stripVTControlCharacters(text))).length;

/**
 * Lines of at most `width` columns, broken between words; a longer word stays whole. The first begins with `first`, the others
 * with `rest`: unless it is given, they are indented as far.
 */
export const wrap = (text: string, width: number, first = '', rest = spaces(columnsOf(first))): string[] => {
  if (columnsOf(first + text) <= width) return [first + text];
  return fill(text.split(/\s+/), width, { first, rest, ending: '' });
};

/** An error of one line or several: fitted to a terminal, with what is left of a line indented; for programs as it is. */
export const fitError = (first: string, message: string, stream: Display): string => {
  if (stream.isTTY !== true) return `${first}${message}`;
  return message
    .split('\n')
    .flatMap((line, index) => wrap(line, proseWidth(stream), index === 0 ? first : '', HANGING))
    .join('\n');
};

const fill = (
  words: readonly string[],
  width: number,
  { first, rest, ending }: { readonly first: string; readonly rest: string; readonly ending: string },
): string[] => {
  const lines = [first];
  let empty = true;
  for (const [index, word] of words.entries()) {
    const last = lines.at(-1) ?? '';
    const room = width - (index === words.length - 1 ? 0 : ending.length);
    if (!empty && columnsOf(last) + 1 + columnsOf(word) > room) {
      lines[lines.length - 1] = last + ending;
      lines.push(rest + word);
    } else lines[lines.length - 1] = empty ? last + word : `${last} ${word}`;
    empty = false;
  }
  return lines;
};

/** A term with its description beside it, from column `at` on, or below it where that leaves too little room. */
export const describeTerm = (term: string, at: number, description: string, width: number): string[] => {
  const gap = at - columnsOf(term);
  const words = description.split(/\s+/);
  const beside = gap > 0 && width - at >= Math.max(LEAST_BESIDE, ...words.map(columnsOf));
  if (beside) return wrap(description, width, term + spaces(gap));
  return [term, ...wrap(description, width, spaces(term.search(/\S/) + BELOW))];
};

/** A command, broken between its arguments as a shell takes it: `\` at the end of a line. Quoted arguments stay whole. */
const wrapCommand = (command: string, width: number): string[] => {
  const indent = spaces(command.search(/\S/));
  const words = command.match(/(?:'[^']*'|"[^"]*"|\S)+/g) ?? [];
  if (columnsOf(command) <= width) return [command];
  return fill(words, width, { first: indent, rest: indent + spaces(BELOW), ending: ' \\' });
};

/**
 * Help as it was written, fitted to `width`: paragraphs are lines without indentation, `  term  description` keeps its
 * columns, and what is below `Examples:` are commands.
 */
export const wrapHelp = (text: string, width: number): string => {
  let title = '';
  return joinLines(text)
    .flatMap((line) => {
      if (!line.startsWith(' ')) {
        title = stripVTControlCharacters(line);
        return wrap(line, width);
      }
      const [, term = '', gap = '', description = ''] = /^( +\S.*?)( {2,})(\S.*)$/.exec(line) ?? [];
      if (title !== 'Examples:')
        return description === ''
          ? wrap(line.trim(), width, spaces(line.search(/\S/)))
          : describeTerm(term, columnsOf(term + gap), description, width);
      if (description === '') return wrapCommand(line, width);
      return columnsOf(line) <= width
        ? [line]
        : [...wrapCommand(term, width), ...wrap(description, width, spaces(term.search(/\S/) + BELOW))];
    })
    .join('\n');
};

/** Lines that continue a paragraph, or a description above them in the same column, are put together with it. */
const joinLines = (text: string): string[] => {
  const lines: string[] = [];
  let continues: number | undefined; // the column of what a line may continue
  for (const line of text.split('\n')) {
    const indent = line.search(/\S/);
    if (indent !== -1 && indent === continues) lines[lines.length - 1] += ` ${line.trim()}`;
    else {
      lines.push(line);
      const item = /^( +\S.*? {2,})\S/.exec(line)?.[1];
      continues = indent === 0 && !line.endsWith(':') ? 0 : item?.length;
    }
  }
  return lines;
};

/** `web1, web2 and web3` */
export const listInWords = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
