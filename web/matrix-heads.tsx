/** What stands above the columns of days and months. That of hours: see strip.tsx. */
import type { JSX } from 'preact';
import { clock, timeOf } from './format.ts';
import { serverNow } from './live.ts';
import type { Zoom } from './matrix-model.ts';
import { startsGroup } from './matrix-words.ts';

const MONTHS = 'January February March April May June July August September October November December'.split(
  ' ',
);
const monthOf = (label: string): string => MONTHS[Number(label.slice(4, 6)) - 1] ?? '';

export const LongHeads = ({
  columns,
  zoom,
  focus,
}: {
  readonly columns: readonly string[];
  readonly zoom: Zoom;
  readonly focus: string | undefined;
}): JSX.Element => {
  const group = (label: string): string => (zoom === 'days' ? monthOf(label) : label.slice(0, 4));
  const classFor = (label: string, n: number): string =>
    `head day${n > 0 && startsGroup(zoom, label) ? ' midnight' : ''}${label === focus ? ' focus' : ''}`;
  return (
    <div class="heads" role="presentation">
      <div class="row">
        <span class="host" />
        {columns.map((label, n) => (
          <span key={label} class={`${classFor(label, n)} date`}>
            {(n === 0 ? !group(columns[2] ?? label).localeCompare(group(label)) : label.endsWith('01')) &&
              group(label)}
          </span>
        ))}
      </div>
      <div class="row">
        <span class="host" />
        {columns.map((label, n) => (
          <span key={label} class={classFor(label, n)}>
            {zoom === 'days' ? Number(label.slice(6)) : monthOf(label).slice(0, 3)}
          </span>
        ))}
      </div>
    </div>
  );
};

/** `24 Nov 04:00`; without the hour where it is a day. */
export const edgeWords = (label: string): string => {
  const at = timeOf(label);
  const day = `${new Date(at).getUTCDate()} ${monthOf(label).slice(0, label.length === 10 ? 3 : undefined)}`;
  if (label.length === 6) return `${monthOf(label)} ${label.slice(0, 4)}`;
  const isToday = at === serverNow.value - (serverNow.value % 86_400_000);
  return label.length === 10 ? `${day} ${clock(at)}` : isToday ? 'today' : day;
};
