/**
 * Turns events into log lines on standard error: JSON lines for machines, one readable line for a terminal.
 */
import pino from 'pino';
import type { Clock } from './clock.ts';
import { type Emit, EVENTS } from './events.ts';
import { printable } from './printable.ts';

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

/** `Sealed {host}/…` with the fields filled in. Control characters of hostile names are escaped. */
export const renderText = (text: string, fields: Readonly<Record<string, string | number>>): string =>
  printable(text.replace(/\{(\w+)\}/g, (whole, field: string) => String(fields[field] ?? whole)));

/** An {@link Emit} that writes log lines to standard error. */
export const createLog = (options: LogOptions): Emit => {
  const text = options.format === 'text' || (options.format === 'auto' && process.stderr.isTTY);
  return text ? textLog(options) : jsonLog(options);
};

const textLog = ({ level, clock }: LogOptions): Emit => {
  const colour = process.stderr.isTTY && !process.env['NO_COLOR'];
  return (name, fields) => {
    const event = EVENTS[name];
    if (RANKS[event.level] < RANKS[level]) return;
    const label = event.level.toUpperCase().padEnd(5);
    const shown = colour ? `${COLOURS[event.level]}${label}\x1b[0m` : label;
    process.stderr.write(
      `${new Date(clock.now()).toISOString()} ${shown} ${renderText(event.text, fields)}\n`,
    );
  };
};

const jsonLog = ({ level, clock }: LogOptions): Emit => {
  const logger = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: 'message',
    },
    pino.destination({ fd: 2, sync: true }),
  );
  return (name, fields) => {
    const event = EVENTS[name];
    const line: Record<string, string | number> = { event: name, ...fields };
    logger[event.level](line, renderText(event.text, fields));
  };
};
