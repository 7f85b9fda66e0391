/**
 * Tells people what has begun and what is over.
 *
 *   began, ended ─▶ gathered (`gather`) ─▶ one message, at least `least_pause` after the one before ─▶ each notifier by itself
 *                                                          a notifier that fails gets it again with its next message ◀┘
 *
 * A problem that is over before it was told is never told. In quiet hours warnings wait; errors do not.
 */
import { messageOf } from '../../error.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { Emit } from '../../telemetry/events.ts';
import type { AlertProblem } from './alert-table.ts';
import type { AlertMessage, Notifier } from './notifiers.ts';
import type { AlertOptions, QuietHours } from './options.ts';

export interface TellerOptions {
  readonly options: Pick<AlertOptions, 'gather' | 'least_pause' | 'quiet'>;
  readonly notifiers: readonly Notifier[];
  readonly clock: Clock;
  readonly emit: Emit;
  readonly page?: string;
}

export interface Teller {
  began(problem: AlertProblem): void;
  ended(problem: AlertProblem): void;
  /** It began before the monitor was started: only its end is sent. */
  knew(key: string): void;
  /** Sends what is due. */
  tell(): Promise<void>;
  /** Sends a test; resolves with what each notifier answered. */
  test(): Promise<{ readonly name: string; readonly error?: string }[]>;
}

/** Sentences that are kept for a notifier that fails; the oldest go first. */
const MOST_UNSENT = 200;

export const isQuiet = ({ from, to }: QuietHours, now: number): boolean => {
  const minute = Math.floor(now / 60_000) % 1_440;
  return from <= to ? minute >= from && minute < to : minute >= from || minute < to;
};

interface Untold {
  readonly title: string;
  readonly isError: boolean;
  readonly since: number;
}

type Sentences = Pick<AlertMessage, 'opened' | 'resolved'>;

const NOTHING: Sentences = { opened: [], resolved: [] };
const isEmpty = ({ opened, resolved }: Sentences): boolean => opened.length + resolved.length === 0;
const joined = (one: Sentences, other: Sentences): Sentences => ({
  opened: [...one.opened, ...other.opened].slice(-MOST_UNSENT),
  resolved: [...one.resolved, ...other.resolved].slice(-MOST_UNSENT),
});

export const createTeller = ({ options, notifiers, clock, emit, page }: TellerOptions): Teller => {
  const opened = new Map<string, Untold>();
  const resolved = new Map<string, Untold>();
  /** Keys that somebody was told of: only these are sent when they are over. */
  const told = new Set<string>();
  const unsent = new Map<Notifier, Sentences>();
  let lastMessage = -Infinity;

  const send = async (notifier: Notifier, message: AlertMessage): Promise<string | undefined> => {
    try {
      await notifier.send({ ...message, ...(page !== undefined && { page }) });
      return undefined;
    } catch (error) {
      emit('monitor.alert-not-sent', { notifier: notifier.name, reason: messageOf(error) });
      return messageOf(error);
    }
  };
  /** What may be sent now, and is sent from here on. */
  const takeDue = (now: number): Sentences => {
    const quiet = options.quiet !== undefined && isQuiet(options.quiet, now);
    const mayTell = ({ isError }: Untold): boolean => isError || !quiet;
    const isDue = (each: Untold): boolean => mayTell(each) && now - each.since >= options.gather;
    if (![...opened.values(), ...resolved.values()].some(isDue)) return NOTHING;
    const take = (from: Map<string, Untold>, isTold: boolean): string[] =>
      [...from]
        .filter(([, each]) => mayTell(each))
        .map(([key, { title }]) => {
          from.delete(key);
          if (isTold) told.add(key);
          return title;
        });
    return { resolved: take(resolved, false), opened: take(opened, true) };
  };
  const untold = ({ title, severity }: AlertProblem): Untold => ({
    ...{ title, isError: severity === 'error', since: clock.now() },
  });
  return {
    began(problem) {
      resolved.delete(problem.key);
      opened.set(problem.key, untold(problem));
    },
    ended(problem) {
      opened.delete(problem.key);
      if (told.delete(problem.key)) resolved.set(problem.key, untold(problem));
    },
    knew: (key) => void told.add(key),
    async tell() {
      const now = clock.now();
      if (now - lastMessage < options.least_pause) return;
      const due = takeDue(now);
      await Promise.all(
        notifiers.map(async (notifier) => {
          const all = joined(unsent.get(notifier) ?? NOTHING, due);
          if (isEmpty(all)) return;
          lastMessage = now;
          unsent.set(notifier, (await send(notifier, all)) === undefined ? NOTHING : all);
        }),
      );
    },
    test: () =>
      Promise.all(
        notifiers.map(async (notifier) => {
          const error = await send(notifier, { ...NOTHING, test: true });
          return { name: notifier.name, ...(error !== undefined && { error }) };
        }),
      ),
  };
};
