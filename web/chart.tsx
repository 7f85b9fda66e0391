/** A line over the last day, zero based. Missing points break it; it ends, with a dot, where the data ends. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { isDark } from './theme.ts';

export interface ChartProps {
  readonly title: string;
  readonly value: string;
  readonly note?: string;
  /** Unix milliseconds. */
  readonly at: readonly number[];
  readonly values: readonly (number | null)[];
  /** The upper end of its scale. */
  readonly max: number;
  /** Drawn dashed. */
  readonly limit?: number;
}

const HEIGHT = 56;
/** Times below the line: at both ends and in between. */
const TIMES = 5;

/** Points that no line leads to or from, and the last. */
const dots = (values: readonly (number | null)[]): number[] => {
  const last = values.findLastIndex((value) => value !== null);
  return values.flatMap((value, n) =>
    value !== null && (n === last || ((values[n - 1] ?? null) === null && (values[n + 1] ?? null) === null))
      ? [n]
      : [],
  );
};

const draw = (box: HTMLElement, { at, values, max, limit }: ChartProps): uPlot => {
  const { color: line, borderBottomColor: edge } = getComputedStyle(box);
  const limits = limit === undefined || limit === 0 ? [] : [at.map(() => limit)];
  return new uPlot(
    {
      ...{ width: box.clientWidth, height: HEIGHT, padding: [3, 4, 2, 1] as uPlot.Padding },
      ...{ cursor: { show: false }, legend: { show: false }, axes: [{ show: false }, { show: false }] },
      scales: {
        x: { time: false, range: [at[0] ?? 0, at.at(-1) ?? 1] },
        y: { range: [0, Math.max(max, Number.MIN_VALUE)] },
      },
      series: [
        {},
        {
          ...{ stroke: line, width: 1.5 },
          points: { show: true, filter: () => dots(values), size: 5, width: 0, fill: line },
        },
        ...limits.map(() => ({ stroke: edge, width: 1, dash: [2, 3], points: { show: false } })),
      ],
    },
    [[...at], [...values], ...limits],
    box,
  );
};

const hourAt = (at: number): string => new Date(at).toISOString().slice(11, 13);

export const Chart = (props: ChartProps): JSX.Element => {
  const box = useRef<HTMLDivElement>(null);
  const { title, value, note, at, values, max } = props;
  useEffect(() => {
    const { current } = box;
    if (current === null) return undefined;
    const plot = draw(current, props);
    const observer = new ResizeObserver(() => plot.setSize({ width: current.clientWidth, height: HEIGHT }));
    observer.observe(current);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [values, max, isDark.value]);
  const [first = 0, last = 0] = [at[0], at.at(-1)];
  return (
    <figure class="chart">
      <figcaption>
        <span class="name">{title}</span>
        <span>
          {note !== undefined && <span class="muted hide-small">{note}</span>} <b>{value}</b>
        </span>
      </figcaption>
      <div class="plot" ref={box} role="img" aria-label={`${title}, last 24 hours: ${value} now`} />
      <div class="times" aria-hidden="true">
        {Array.from({ length: TIMES }, (_, n) => (
          <span key={n}>{n === TIMES - 1 ? 'now' : hourAt(first + ((last - first) * n) / (TIMES - 1))}</span>
        ))}
      </div>
    </figure>
  );
};
