/**
 * The alerts that are open, and their history.
 *
 *   update(problems) ─▶ new ones begin, missing ones end ─▶ the teller (people) ─▶ the table (history), when the database takes it
 *
 * What is open is in memory: a database that is away keeps no alert from being told. What it could not take is written when it is back.
 */
import type { Emit } from '../../telemetry/events.ts';
import type { Alert, AlertProblem, AlertTable } from './alert-table.ts';
import { createTeller, type Teller, type TellerOptions } from './teller.ts';

export interface AlertsOptions extends TellerOptions {
  readonly table: AlertTable;
  readonly emit: Emit;
  readonly changed: () => void;
}

export interface Alerts extends Pick<Teller, 'test'> {
  /** Takes up what was open before the monitor was started. */
  load(): Promise<void>;
  /** All problems there are now. Calls do not overlap. Rejects, when all is sent, where the database is away. */
  update(problems: readonly AlertProblem[]): Promise<void>;
  /** Those that are open, the newest first. One that is not in the table yet has the id 0. */
  open(): readonly Alert[];
}

/** Ended alerts that wait for the database. */
const MOST_WAITING = 1_000;

/** Writes down what began, changed and ended. What was written is not written again when the rest fails. */
const createRecord = (table: AlertTable, open: Map<string, Alert>) => {
  const stale = new Set<string>();
  let ended: Alert[] = [];
  const begin = async (): Promise<void> => {
    const fresh = [...open.values()].filter(({ id }) => id === 0);
    if (fresh.length === 0) return;
    const ids = new Map((await table.open()).map(({ key, id }) => [key, id]));
    for (const { key, severity, title, openedAt } of fresh)
      if (!ids.has(key)) await table.begin({ key, severity, title }, openedAt);
    for (const { key, id } of await table.open()) {
      const alert = open.get(key);
      if (alert !== undefined) open.set(key, { ...alert, id });
    }
  };
  return {
    retitled: (key: string) => void stale.add(key),
    ended: (alert: Alert) => void (ended = [...ended, alert].slice(-MOST_WAITING)),
    async write(): Promise<void> {
      while (ended[0] !== undefined) {
        const [{ id, resolvedAt = 0 }] = ended as [Alert];
        // One that began and ended while the database was away is in the node's log only.
        if (id !== 0) await table.resolve(id, resolvedAt);
        ended.shift();
      }
      await begin();
      for (const key of stale) {
        const alert = open.get(key);
        if (alert !== undefined) await table.retitle(alert.id, alert.title, alert.severity);
        stale.delete(key);
      }
    },
  };
};

export const createAlerts = (given: AlertsOptions): Alerts => {
  const { table, clock, emit } = given;
  const teller = createTeller(given);
  const open = new Map<string, Alert>();
  const record = createRecord(table, open);

  const end = (alert: Alert): void => {
    open.delete(alert.key);
    record.ended({ ...alert, resolvedAt: clock.now() });
    emit('monitor.alert-resolved', { alert: alert.title });
    teller.ended(alert);
  };
  const begin = (problem: AlertProblem): void => {
    open.set(problem.key, { ...problem, id: 0, openedAt: clock.now() });
    emit('monitor.alert', { alert: problem.title });
    teller.began(problem);
  };
  return {
    async load() {
      for (const alert of await table.open()) {
        if (open.has(alert.key)) continue;
        open.set(alert.key, alert);
        teller.knew(alert.key);
      }
    },
    async update(problems) {
      const byKey = new Map(problems.map((problem) => [problem.key, problem]));
      let isChanged = false;
      for (const alert of [...open.values()]) {
        const problem = byKey.get(alert.key);
        if (problem === undefined) end(alert);
        else if (problem.title !== alert.title || problem.severity !== alert.severity) {
          open.set(alert.key, { ...alert, ...problem });
          record.retitled(alert.key);
          // It became worse: people are told, as of a new one.
          if (problem.severity === 'error' && alert.severity === 'warn') teller.began(problem);
        } else continue;
        isChanged = true;
      }
      for (const problem of byKey.values())
        if (!open.has(problem.key)) {
          begin(problem);
          isChanged = true;
        }
      await teller.tell();
      try {
        await record.write();
      } finally {
        if (isChanged) given.changed();
      }
    },
    open: () => [...open.values()].sort((one, other) => other.openedAt - one.openedAt),
    test: teller.test,
  };
};
