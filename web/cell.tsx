/** How the states of an hour are drawn. See style.css for the colours. */
import type { JSX } from 'preact';
import type { Letter } from './states.ts';

export { nameOf } from './states.ts';

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
