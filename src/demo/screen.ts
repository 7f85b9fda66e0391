/**
 * The demo's display. On a terminal the lower part is drawn again a few times a second, while what has happened stays above it as
 * ordinary lines; elsewhere a line of progress is written every two seconds, and one for each hour when it is sealed.
 */
import { plural, showHour, showState, STATE_COLOURS } from '../report/segment-text.ts';
import { wrap } from '../text/prose.ts';
import {
  type Column,
  type Display,
  formatBytes,
  formatCount,
  type Paint,
  table,
  widthOf,
} from '../text/terminal.ts';
import type { HourView, View } from './observe.ts';

const BAR_WIDTH = 20;
const SPARKS = '▁▂▃▄▅▆▇█';
const SPARKLINE_WIDTH = 40;
const RATE_WINDOW_MS = 1500;
const RATE_STEP_MS = 500;
const PLAIN_EVERY_MS = 2000;
/** While they are drawn, long lines are cut at the edge: a wrapped one would take two rows, and the next redraw go wrong. */
const NO_WRAP = '\x1b[?7l';
const WRAP = '\x1b[?7h';

export interface NodeView {
  readonly name: string;
  /** Undefined while it is down. */
  readonly pid: number | undefined;
}

/** What is needed of `process.stdout`. */
export interface Terminal extends Display {
  write(text: string): unknown;
  readonly rows?: number;
}

export interface Screen extends Disposable {
  /** Something happened: a line that stays. */
  say(text: string): void;
  /** The present state; drawn at once on a terminal, now and then elsewhere. */
  draw(view: View, nodes: readonly NodeView[]): void;
  /** Removes the live part. */
  clear(): void;
}

/** `elapsed` is in milliseconds since the demo began. */
export const openScreen = (out: Terminal, paint: Paint, elapsed: () => number): Screen => {
  const rates = rateMeter();
  let live = 0; // lines of the live part now on the screen
  let plainAt = PLAIN_EVERY_MS;
  const told = new Set<string>(); // hours that are known to be sealed

  const clear = (): void => {
    if (live > 0) out.write(`\x1b[${live}A\x1b[0J`);
    live = 0;
  };
  if (out.isTTY) out.write('\x1b[?25l');
  return {
    clear,
    say(text) {
      clear();
      const line = wrap(text, widthOf(out), `${paint('dim', clockText(elapsed()))}  `);
      out.write(`${line.join('\n')}\n`);
    },
    draw(view, nodes) {
      const now = elapsed();
      rates.add(now, view.stored);
      if (!out.isTTY) {
        for (const hour of view.hours) {
          const name = `${hour.host} ${showHour(hour.hour)}`;
          if (hour.state !== 'sealed' || told.has(name)) continue;
          told.add(name);
          out.write(`${clockText(now)}  Sealed ${name}: ${sums(hour)}\n`);
        }
        if (now < plainAt) return;
        plainAt = now + PLAIN_EVERY_MS;
        out.write(`${clockText(now)}  ${plainLine(view, rates.now())}\n`);
        return;
      }
      const width = (out.columns ?? 80) - 1;
      const room = Math.max(1, (out.rows ?? 24) - 7);
      const lines = [
        '',
        ...table(mostTelling(view.hours, room), hourColumns(paint), width, paint),
        '',
        `${paint('bold', `${view.sealed} of ${view.hours.length} sealed`)}  ${sums(view)}`,
        `${`${formatBytes(rates.now())}/s`.padStart(11)}  ${paint('cyan', rates.sparkline())}`,
        nodes.map((node) => nodeText(node, paint)).join('  '),
      ];
      clear();
      out.write(`${NO_WRAP}${lines.join('\n')}${WRAP}\n`);
      live = lines.length;
    },
    [Symbol.dispose]() {
      if (out.isTTY) out.write('\x1b[?25h');
    },
  };
};

/** `00:07` */
export const clockText = (ms: number): string => {
  const seconds = Math.floor(ms / 1000);
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
};

const sums = ({ packs, lines, stored, written }: View | HourView): string =>
  packs === 0 && stored === 0
    ? 'first packs in a second'
    : `${plural(packs, 'pack')}, ${plural(lines, 'line')}, ${formatBytes(stored)} stored of ${formatBytes(written)} written`;

const plainLine = (view: View, rate: number): string =>
  `${view.sealed} of ${view.hours.length} sealed, ${sums(view)}, ${formatBytes(rate)}/s`;

const nodeText = ({ name, pid }: NodeView, paint: Paint): string =>
  pid === undefined
    ? paint('red', `✗ ${name} down`)
    : paint('green', `● ${name}`) + paint('dim', ` pid ${pid}`);

/** So that the columns stand still while their numbers grow. */
const steady = (text: string, width: number): string => text.padStart(width);

/** Where not all hours fit: those that something happens to first, in their order. */
const mostTelling = (hours: readonly HourView[], room: number): HourView[] => {
  const rank = ({ state }: HourView): number => (state === 'sealed' ? 1 : state === 'waiting' ? 2 : 0);
  const chosen = new Set(hours.toSorted((a, b) => rank(a) - rank(b)).slice(0, room));
  return hours.filter((hour) => chosen.has(hour));
};

const hourColumns = (paint: Paint): Column<HourView>[] => [
  { title: 'HOST', cell: (row) => row.host, importance: 9 },
  { title: 'HOUR', cell: (row) => showHour(row.hour), importance: 8, minWidth: 13 },
  {
    title: 'STATE',
    cell: (row) => stateText(row).padEnd(10),
    paint: (text, row) => stateColour(row, paint, text),
    importance: 9,
    minWidth: 12,
  },
  {
    title: 'PACKS',
    cell: (row) => steady(blankZero(row.packs, formatCount), 5),
    align: 'right',
    importance: 4,
    minWidth: 5,
  },
  {
    title: 'LINES',
    cell: (row) => steady(blankZero(row.lines, formatCount), 9),
    align: 'right',
    importance: 6,
    minWidth: 9,
  },
  {
    title: 'STORED',
    cell: (row) => steady(blankZero(row.stored, formatBytes), 10),
    align: 'right',
    importance: 5,
    minWidth: 9,
  },
  {
    title: 'WRITTEN',
    cell: (row) => steady(blankZero(row.written, formatBytes), 10),
    align: 'right',
    importance: 3,
    minWidth: 9,
  },
  {
    title: '',
    cell: bar,
    paint: (text, row) => stateColour(row, paint, text),
    importance: 1,
    minWidth: BAR_WIDTH,
  },
];

const blankZero = (value: number, show: (value: number) => string): string =>
  value === 0 ? '' : show(value);

const stateText = ({ state, generation }: HourView): string =>
  state === 'waiting' || state === 'writing'
    ? state
    : state === 'sealed'
      ? `✔ ${showState({ state, generation })}`
      : showState({ state, generation });

const stateColour = ({ state }: HourView, paint: Paint, text: string): string =>
  paint(state === 'waiting' || state === 'writing' ? 'dim' : STATE_COLOURS[state], text);

/** How much of what is written is stored. */
const bar = ({ stored, written, state }: HourView): string => {
  if (state === 'waiting') return '';
  const filled = written === 0 ? BAR_WIDTH : Math.floor((Math.min(stored, written) / written) * BAR_WIDTH);
  return '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
};

/** Bytes a second over the last moments, and their history. */
const rateMeter = () => {
  const samples: { at: number; bytes: number }[] = [];
  const history: number[] = [];
  let stepAt = 0;
  const now = (): number => {
    const first = samples[0];
    const last = samples.at(-1);
    if (!first || !last || last.at === first.at) return 0;
    return Math.max(0, ((last.bytes - first.bytes) * 1000) / (last.at - first.at));
  };
  return {
    now,
    add(at: number, bytes: number): void {
      samples.push({ at, bytes });
      while (samples.length > 2 && samples[0]!.at < at - RATE_WINDOW_MS) samples.shift();
      if (at < stepAt) return;
      stepAt = at + RATE_STEP_MS;
      history.push(now());
      if (history.length > SPARKLINE_WIDTH) history.shift();
    },
    sparkline(): string {
      const highest = Math.max(1, ...history);
      return history.map((rate) => SPARKS[Math.min(7, Math.floor((rate / highest) * 8))]).join('');
    },
  };
};
