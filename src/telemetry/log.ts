/**
 * Turns events into log lines on standard error: JSON lines for machines, one readable line for a terminal.
 */
import { writeSync } from 'node:fs';
import pino from 'pino';
import type { Clock } from './clock.ts';
import { type Emit, type EventFields, type EventName, EVENTS } from './events.ts';
import { lineWriter } from './lines.ts';
import { escapeBytes, printable } from './printable.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFormat = 'auto' | 'json' | 'text';

export interface LogOptions {
  readonly level: LogLevel;
  /** auto: text on a terminal, else json. */
  readonly format: LogFormat;
  readonly clock: Clock;
}

const COLOURS = { debug: '\x1b[90m', info: '\x1b[36m', warn: '\x1b[33m', error: '\x1b[31m' } as const;
const RANKS = { debug: 20, info: 30, warn: 40, error: 50 } as const;

/** `0.4 s`, `12 s` */
const seconds = (ms: number): string =>
  `${ms < 10_000 ? Math.max(0.1, Math.round(ms / 100) / 10) : Math.round(ms / 1000)} s`;

/**
 * `Sealed {host}/…` with the fields filled in; those that end in `_ms` as seconds. A sentence before a semicolon loses its full stop. Control characters of hostile names
 * are escaped.
 */
export const renderText = (text: string, fields: Readonly<Record<string, string | number>>): string =>
  printable(
    text.replace(/\{(\w+)\}(;?)/g, (whole, field: string, behind: string) => {
      const value = fields[field];
      if (value === undefined) return whole;
      const shown = field.endsWith('_ms') ? seconds(Number(value)) : String(value);
      return behind === '' ? shown : `${shown.replace(/\.$/, '')};`;
    }),
  );

/** The line of an event, with its newline. */
type Render = <Name extends EventName>(name: Name, fields: EventFields<Name>) => string;

/**
 * An {@link Emit} that writes log lines to standard error. It neither fails nor waits: lines that cannot be written are
 * counted, and `node.log-lost` says how many, whatever the level.
 */
export const createLog = (options: LogOptions): Emit => {
  // Node opens the stream at its first use, and a pipe or socket does not block from then on: that is needed here.
  const { stderr } = process;
  const text = options.format === 'text' || (options.format === 'auto' && stderr.isTTY);
  const render = text ? textLines(options) : jsonLines(options);
  const lines = lineWriter({
    write: (bytes) => writeSync(stderr.fd, bytes),
    lost: (count, reason) => render('node.log-lost', { lines: count, reason }),
  });
  process.once('exit', () => lines.close());
  return (name, fields) => {
    if (RANKS[EVENTS[name].level] >= RANKS[options.level]) lines.write(render(name, fields));
  };
};

const textLines = ({ clock }: LogOptions): Render => {
  const colour = process.stderr.isTTY && !process.env['NO_COLOR'];
  return (name, fields) => {
    const event = EVENTS[name];
    const label = event.level.toUpperCase().padEnd(5);
    const shown = colour ? `${COLOURS[event.level]}${label}\x1b[0m` : label;
    // Documents are indexed by the event's name.
    const of = colour ? `\x1b[2m[${name}]\x1b[0m` : `[${name}]`;
    return `${new Date(clock.now()).toISOString()} ${shown} ${renderText(event.text, fields)} ${of}\n`;
  };
};

const jsonLines = ({ clock }: LogOptions): Render => {
  let last = '';
  const logger = pino(
    {
      level: 'debug',
      base: null,
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: 'message',
    },
    { write: (line) => void (last = line) },
  );
  return (name, fields) => {
    const event = EVENTS[name];
    const line: Record<string, string | number> = { event: name };
    for (const [key, value] of Object.entries<string | number>(fields))
      line[key] = typeof value === 'string' ? escapeBytes(value) : value;
    logger[event.level](line, renderText(event.text, fields));
    return last;
  };
};
