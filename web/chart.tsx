/** A line over the last day. Missing points break it; it ends where the data ends. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { theme } from './theme.ts';

export interface ChartProps {
  readonly title: string;
  readonly value: string;
  readonly note?: string;
  /** Unix milliseconds. */
  readonly at: readonly number[];
  readonly values: readonly (number | null)[];
  readonly format: (value: number) => string;
}

const colour = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const HEIGHT = 110;
const DAY_S = 86_400;

const draw = (box: HTMLElement, { at, values, format }: ChartProps): uPlot => {
  const axis = {
    stroke: colour('--muted'),
    grid: { show: false },
    font: '11px system-ui',
    ticks: { stroke: colour('--hairline') },
  };
  return new uPlot(
    {
      ...{ width: box.clientWidth, height: HEIGHT, cursor: { show: false }, legend: { show: false } },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'UTC'),
      scales: {
        x: { min: (at.at(-1) ?? 0) / 1000 - DAY_S, max: (at.at(-1) ?? 0) / 1000 },
        y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.1 : 1] },
      },
      axes: [
        {
          ...axis,
          space: 60,
          values: (_plot, ticks) => ticks.map((tick) => new Date(tick * 1000).toISOString().slice(11, 16)),
        },
        { ...axis, size: 64, space: 40, values: (_plot, ticks) => ticks.map(format) },
      ],
      series: [{}, { stroke: colour('--accent'), width: 1.5, points: { show: values.length < 3 } }],
    },
    [at.map((each) => each / 1000), [...values]],
    box,
  );
};

export const Chart = (props: ChartProps): JSX.Element => {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const { current } = box;
    if (current === null) return undefined;
    let plot = draw(current, props);
    const observer = new ResizeObserver(() => plot.setSize({ width: current.clientWidth, height: HEIGHT }));
    observer.observe(current);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [props.at.at(-1), props.values.at(-1), props.values.length, theme.value]);
  return (
    <figure class="chart">
      <figcaption>
        <span>
          {props.title} <span class="muted">{props.note}</span>
        </span>
        <span class="strong">{props.value}</span>
      </figcaption>
      <div class="plot" ref={box} role="img" aria-label={`${props.title}: ${props.value} now`} />
    </figure>
  );
};
