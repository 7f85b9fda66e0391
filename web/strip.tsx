/** Rows of hours that only show: the overview's streams. */
import type { JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { classOf, Glyph } from './cell.tsx';
import { dayName } from './format.ts';
import { follow } from './route.ts';
import { nameOf } from './states.ts';

export interface StripRow {
  readonly name: string;
  readonly letters: readonly string[];
  readonly note: string;
  readonly href: string;
}

const HOUR_MS = 3_600_000;
export const isMidnight = (index: number): boolean => index % 24 === 0;

/** Dates and hours above the cells: every third hour is named. */
export const HourHeads = ({
  from,
  length,
  focus,
  hidden = 0,
}: {
  readonly from: number;
  readonly length: number;
  readonly focus?: number;
  /** So many columns are scrolled out of sight. */
  readonly hidden?: number;
}): JSX.Element => {
  const indexes = Array.from({ length }, (_, n) => from + n);
  return (
    <div class="heads" role="presentation">
      <div class="row">
        <span class="host" />
        {indexes.map((index, n) => (
          <span key={index} class={`head date${isMidnight(index) && n > 0 ? ' midnight' : ''}`}>
            {n >= hidden &&
              ((n === hidden && index % 24 < 20) || isMidnight(index)) &&
              dayName(index * HOUR_MS)}
          </span>
        ))}
      </div>
      <div class="row">
        <span class="host" />
        {indexes.map((index, n) => (
          <span
            key={index}
            class={`head${isMidnight(index) && n > 0 ? ' midnight' : ''}${index === focus ? ' focus' : ''}`}
          >
            {(index % 3 === 0 || index === focus) && String(index % 24).padStart(2, '0')}
          </span>
        ))}
      </div>
    </div>
  );
};

export const Strip = ({
  from,
  rows,
}: {
  readonly from: number;
  readonly rows: readonly StripRow[];
}): JSX.Element => {
  const scroller = useRef<HTMLDivElement>(null);
  // The newest hours stand at the right: where there is no room for all, these are seen.
  useLayoutEffect(() => {
    if (scroller.current !== null) scroller.current.scrollLeft = scroller.current.scrollWidth;
  }, [from]);
  return (
    <div
      class="scroller"
      ref={scroller}
      tabIndex={0}
      role="region"
      aria-label="Completeness of the last 48 hours"
    >
      <div class="matrix strip">
        <HourHeads from={from} length={rows[0]?.letters.length ?? 0} />
        {rows.map(({ name, letters, note, href }) => (
          <div class="row" key={name}>
            <a class="host" href={href} onClick={follow}>
              {name}
            </a>
            {letters.map((letter, n) => (
              <span
                key={n}
                class={`${classOf(letter)}${isMidnight(from + n) && n > 0 ? ' midnight' : ''}`}
                title={`${String((from + n) % 24).padStart(2, '0')}:00 ${nameOf(letter)}`}
              >
                <Glyph letter={letter} />
              </span>
            ))}
            <span class="sum">{note}</span>
          </div>
        ))}
      </div>
    </div>
  );
};
