/** What the tab of the browser shows: the headline in two words, and its cell as the icon. */
import type { VerdictAnswer } from '../src/monitor/api/schemas.ts';
import { type Letter, nameOf } from './states.ts';

/** The state that stands before a headline. */
export const letterOf = (kind: VerdictAnswer['kind']): Letter => {
  switch (kind) {
    case 'sealed':
      return 'S';
    case 'unknown':
      return 'O';
    case 'nodes':
      return 'N';
    case 'nothing':
      return '.';
    default:
      return kind;
  }
};

/** `2 late`: the number that the headline begins with, and its state. */
export const titleOf = ({ kind, headline }: Pick<VerdictAnswer, 'kind' | 'headline'>): string => {
  switch (kind) {
    case 'sealed':
      return 'sealed';
    case 'unknown':
      return 'unknown';
    case 'nodes':
      return 'no answer';
    case 'nothing':
      return 'nothing expected';
    default:
      return `${/^[\d,]+/.exec(headline)?.[0] ?? ''} ${nameOf(kind)}`.trim();
  }
};

/** Colours of light pages: they have contrast on the tabs of both themes. */
const ICONS: Readonly<Partial<Record<Letter, readonly [string, string]>>> = {
  R: ['#74298A', "<path d='M5.5 5.5l7 7m0-7l-7 7' stroke='#fff' stroke-width='2'/>"],
  I: ['#C43D1B', "<path d='M11.5-1l-5 20' stroke='#fff' stroke-width='3'/>"],
  N: ['#15171C', "<circle cx='9' cy='9' r='3.2' stroke='#fff' stroke-width='2'/>"],
  L: ['#F3B23C', "<path d='M9 5v5h3.6' stroke='#2B1B00' stroke-width='2'/>"],
  S: ['#639A8D', ''],
};
/** An outline, half filled: unknown, or nothing yet. */
const OPEN = ['#639A8D', "<path d='M2 2h14v7H2z' fill='#fff'/>"] as const;
const OLD = '#8A909C';

export const iconOf = (kind: VerdictAnswer['kind'] | undefined, isOld: boolean): string => {
  const [fill, glyph] = (kind === undefined ? undefined : ICONS[letterOf(kind)]) ?? OPEN;
  const box = `<rect width='18' height='18' rx='3' fill='${isOld ? OLD : fill}'/>`;
  const svg = `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 18 18' fill='none'>${box}${glyph}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
};
