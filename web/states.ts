/** The states of an hour: their letters and names. How they are drawn: see cell.tsx and style.css. */

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

/** `S23L1` as letters. */
export const decode = (coded: string): string[] => {
  const letters: string[] = [];
  for (const [, letter = ' ', length] of coded.matchAll(/([A-Z. ])(\d+)/g))
    for (let n = 0; n < Number(length); n++) letters.push(letter);
  return letters;
};
