/** The states of an hour: their names, and how they are drawn. See style.css for the colours. */
import type { JSX } from 'preact';

export type Letter = 'R' | 'I' | 'N' | 'L' | 'O' | 'S' | 'E' | 'X' | '.' | ' ';

/** Worst first. */
export const STATES: readonly (readonly [Letter, string, string])[] = [
  ['R', 'refused', 'Different bytes came under a name that is taken. The first are kept.'],
  ['I', 'incomplete', 'Closed, and packs or bytes are missing.'],
  ['N', 'silent', 'Expected, and nothing came.'],
  ['L', 'late', 'Should be sealed by now.'],
  ['O', 'receiving', 'Open, and on time.'],
  ['S', 'sealed', 'Complete, and equal to the source.'],
  ['E', 'empty', 'Sealed with 0 lines.'],
  ['X', 'removed', 'Was sealed; retention removed it.'],
  ['.', 'not expected', 'No lines are expected here.'],
];

const NAMES = new Map<string, string>(STATES.map(([letter, name]) => [letter, name]));
const WORDS = new Map<string, string>(STATES.map(([letter, , words]) => [letter, words]));
export const nameOf = (letter: string): string => NAMES.get(letter) ?? 'to come';
export const wordsOf = (letter: string): string => WORDS.get(letter) ?? '';
export const isProblem = (letter: string): boolean => 'RINL'.includes(letter);

const CLASSES: Readonly<Record<Letter, string>> = {
  ...{ R: 'refused', I: 'incomplete', N: 'silent', L: 'late', O: 'receiving', S: 'sealed' },
  ...{ E: 'empty', X: 'removed', '.': 'unexpected', ' ': 'to-come' },
};
export const classOf = (letter: string): string => `cell ${CLASSES[letter as Letter] ?? 'to-come'}`;

/** What is drawn on the cell, so that no state needs colour to be read. */
const GLYPHS: Partial<Readonly<Record<string, JSX.Element>>> = {
  R: <path d="M5.5 5.5l7 7m0-7l-7 7" stroke-width="2" />,
  N: <circle cx="9" cy="9" r="3.2" stroke-width="2" />,
  L: <path d="M9 5v5h3.6" stroke-width="2" />,
  E: <path d="M6 9h6" stroke-width="2" />,
};

export const Glyph = ({ letter }: { readonly letter: string }): JSX.Element | null => {
  const drawn = GLYPHS[letter];
  return drawn === undefined ? null : (
    <svg viewBox="0 0 18 18" aria-hidden="true" fill="none" stroke="currentColor">
      {drawn}
    </svg>
  );
};

/** A cell outside the matrix: in a legend, a headline, a list. */
export const StateCell = ({
  letter,
  large,
}: {
  readonly letter: string;
  readonly large?: boolean;
}): JSX.Element => (
  <span class={`${classOf(letter)}${large === true ? ' large' : ''}`} aria-hidden="true">
    <Glyph letter={letter} />
  </span>
);

/** `S23L1` as letters. */
export const decode = (coded: string): string[] => {
  const letters: string[] = [];
  for (const [, letter = ' ', length] of coded.matchAll(/([A-Z. ])(\d+)/g))
    for (let n = 0; n < Number(length); n++) letters.push(letter);
  return letters;
};
