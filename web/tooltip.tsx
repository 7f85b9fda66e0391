/** What a cell means: at once on focus, after a moment on hover. It stands beside the cell, never over its row, and can be hovered. */
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Place } from './matrix-model.ts';

export interface Hint {
  readonly place: Place;
  readonly left: number;
  readonly top: number;
  readonly bottom: number;
}

const SHOW_MS = 150;
const HIDE_MS = 120;
const AWAY = 10;

const placeAt = (target: EventTarget | null): readonly [Element, Place] | undefined => {
  const cell = (target as Element | null)?.closest<HTMLElement>('[role=gridcell]');
  const { row, column } = cell?.dataset ?? {};
  return cell === null || cell === undefined || row === undefined || column === undefined
    ? undefined
    : [cell, { row: Number(row), column: Number(column) }];
};

export const placeOfEvent = (event: Event): Place | undefined => placeAt(event.target)?.[1];

export interface Hints {
  readonly hint: Hint | undefined;
  show(event: Event, isAtOnce: boolean): void;
  /** Soon, unless the tooltip itself is hovered meanwhile. */
  hideSoon(): void;
  hide(): void;
  keep(): void;
}

export const useHint = (): Hints => {
  const [hint, setHint] = useState<Hint>();
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const later = (ms: number, next: Hint | undefined): void => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setHint(next), ms);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  return {
    hint,
    show(event, isAtOnce) {
      const [cell, place] = placeAt(event.target) ?? [];
      if (cell === undefined || place === undefined) return later(HIDE_MS, undefined);
      const { left, top, bottom } = cell.getBoundingClientRect();
      return later(isAtOnce ? 0 : SHOW_MS, { place, left, top, bottom });
    },
    hideSoon: () => later(HIDE_MS, undefined),
    hide() {
      clearTimeout(timer.current);
      setHint(undefined);
    },
    keep: () => clearTimeout(timer.current),
  };
};

export const Tooltip = ({
  hint,
  hints,
  children,
}: {
  readonly hint: Hint;
  readonly hints: Hints;
  readonly children: ComponentChildren;
}): JSX.Element => {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const { current } = box;
    if (current === null) return;
    const below = hint.bottom + AWAY;
    const isLow = below + current.offsetHeight > innerHeight;
    current.style.left = `${Math.max(8, Math.min(hint.left, innerWidth - current.offsetWidth - 8))}px`;
    current.style.top = `${isLow ? hint.top - current.offsetHeight - AWAY : below}px`;
  });
  return (
    <div class="tooltip" role="tooltip" ref={box} onMouseEnter={hints.keep} onMouseLeave={hints.hideSoon}>
      {children}
    </div>
  );
};
