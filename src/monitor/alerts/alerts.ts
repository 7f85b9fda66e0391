/**
 * From problems to messages.
 *
 *   update(problems) ─▶ new ones begin, missing ones are resolved (the table: history) ─▶ gathered ─▶ one message to every notifier
 *
 * No storms: what fails together is one message, and two messages are at least `least_pause` apart. A problem that is over before it
 * was told is never told. In quiet hours warnings wait; errors do not.
 */
import { messageOf } from '../../error.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { Emit } from '../../telemetry/events.ts';
import type { Alert, AlertTable, AlertProblem } from './alert-table.ts';
import type { AlertMessage, Notifier } from './notifiers.ts';
import type { AlertOptions, QuietHours } from './options.ts';

export interface AlertsOptions {
  readonly options: Pick<AlertOptions, 'gather' | 'least_pause' | 'quiet'>;
  readonly table: AlertTable;
  readonly notifiers: readonly Notifier[];
  readonly clock: Clock;
  readonly emit: Emit;
  readonly page?: string;
  readonly changed: () => void;
}

export interface Alerts {
  /** Takes up what was open before the monitor was started. Before the first update. */
  load(): Promise<void>;
  /** All problems there are now. Calls do not overlap. */
  update(problems: readonly AlertProblem[]): Promise<void>;
  /** Those that are open, the newest first. */
  open(): readonly Alert[];
  /** Sends a test message; resolves with what each notifier answered. */
  test(): Promise<{ readonly name: string; readonly error?: string }[]>;
}

export const isQuiet = ({ from, to }: QuietHours, now: number): boolean => {
  const minute = Math.floor(now / 60_000) % 1_440;
  return from <= to ? minute >= from && minute < to : minute >= from || minute < to;
};

interface Waiting {
  readonly title: string;
  readonly isError: boolean;
  readonly since: number;
}

export const createAlerts = (given: AlertsOptions): Alerts => {
  const { options, table, notifiers, clock, emit, page } = given;
  let current: Alert[] = [];
  const opened = new Map<string, Waiting>();
  const resolved = new Map<string, Waiting>();
  /** Keys that somebody was told of: only these are told when they are over. */
  const told = new Set<string>();
  let lastMessage = -Infinity;

  const send = async (message: AlertMessage) =>
    Promise.all(
      notifiers.map(async (notifier) => {
        try {
          await notifier.send(message);
          return { name: notifier.name };
        } catch (error) {
          emit('monitor.alert-not-sent', { notifier: notifier.name, reason: messageOf(error) });
          return { name: notifier.name, error: messageOf(error) };
        }
      }),
    );

  const tell = async (): Promise<void> => {
    const now = clock.now();
    const quiet = options.quiet !== undefined && isQuiet(options.quiet, now);
    const isDue = ({ isError, since }: Waiting): boolean =>
      (isError || !quiet) && now - since >= options.gather;
    if (now - lastMessage < options.least_pause || ![...opened.values(), ...resolved.values()].some(isDue))
      return;
    const take = (from: Map<string, Waiting>): string[] => {
      const ready = [...from].filter(([, { isError }]) => isError || !quiet);
      for (const [key] of ready) from.delete(key);
      return ready.map(([key, { title }]) => {
        told.add(key);
        return title;
      });
    };
    const over = take(resolved);
    const message = { opened: take(opened), resolved: over, ...(page !== undefined && { page }) };
    lastMessage = now;
    const results = await send(message);
    // Nobody was reached: the pause does not count, and the next round tries again.
    if (results.length > 0 && results.every(({ error }) => error !== undefined)) {
      for (const title of message.opened) opened.set(title, { title, isError: true, since: now });
      for (const title of message.resolved) resolved.set(title, { title, isError: true, since: now });
    }
  };

  const resolve = async (alert: Alert, now: number): Promise<void> => {
    await table.resolve(alert.id, now);
    emit('monitor.alert-resolved', { alert: alert.title });
    opened.delete(alert.key);
    if (told.delete(alert.key))
      resolved.set(alert.key, { title: alert.title, isError: alert.severity === 'error', since: now });
  };

  const begin = async (problem: AlertProblem, now: number): Promise<void> => {
    await table.begin(problem, now);
    emit('monitor.alert', { alert: problem.title });
    resolved.delete(problem.key);
    opened.set(problem.key, { title: problem.title, isError: problem.severity === 'error', since: now });
  };

  return {
    async load() {
      current = await table.open();
      for (const { key } of current) told.add(key);
    },
    async update(problems) {
      const now = clock.now();
      const byKey = new Map(problems.map((problem) => [problem.key, problem]));
      const known = new Map(current.map((alert) => [alert.key, alert]));
      let isChanged = false;
      for (const alert of current) {
        const problem = byKey.get(alert.key);
        if (problem === undefined) await resolve(alert, now);
        else if (problem.title !== alert.title)
          await table.retitle(alert.id, problem.title, problem.severity);
        else continue;
        isChanged = true;
      }
      for (const problem of problems) {
        if (known.has(problem.key)) continue;
        await begin(problem, now);
        isChanged = true;
      }
      if (isChanged) {
        current = await table.open();
        given.changed();
      }
      await tell();
    },
    open: () => current,
    test: () => send({ opened: [], resolved: [], test: true, ...(page !== undefined && { page }) }),
  };
};
