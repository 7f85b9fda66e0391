/**
 * Warnings and errors on their way to the monitor: a bounded queue, kept on disk while the monitor is away. When it is full the oldest
 * go, counted: the node's own log has them all.
 *
 * File: a report as JSON in each line, the oldest first. It is written beside and renamed, and not synced: after a crash it is as it was, or
 * gone. Reports carry their origin, so that one which the monitor has already is kept there once.
 */
import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';

/** What a monitor gets of one log line. */
export interface NodeReport {
  /** Unix milliseconds. */
  readonly at: number;
  readonly level: 'warn' | 'error';
  readonly event: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number>>;
}

/** With the run of the node that counted it, and its number. */
export type CountedReport = NodeReport & { readonly origin: string };

export interface ReportQueue {
  add(report: NodeReport): void;
  /** The oldest, at most so many; they stay until {@link ReportQueue.done}. */
  next(count: number): readonly CountedReport[];
  /** How many were given up because the queue was full, and were not yet told. */
  readonly dropped: number;
  /** The monitor has these, which `next` gave, and knows that so many were dropped. */
  done(reports: readonly CountedReport[], dropped: number): void;
  /** Writes what waits to disk, or removes the file where nothing does. Never rejects: the node's log has everything. */
  save(): Promise<void>;
  readonly length: number;
}

/** A report is some hundred bytes: a few MiB at most. */
export const MOST_REPORTS = 5_000;
/** Above the most there may be so many more, so that a full queue does not move its entries with each new one. */
const SLACK = 500;
const MOST_TEXT = 1_000;

/** What is too long would be refused, again and again. */
const shortened = (fields: NodeReport['fields']): NodeReport['fields'] =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'string' ? value.slice(0, MOST_TEXT) : value,
    ]),
  );

const load = async (file: string): Promise<CountedReport[]> => {
  try {
    return (await readFile(file, 'utf8'))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as CountedReport);
  } catch {
    // None there, or torn by a crash: reports are also in the node's log.
    return [];
  }
};

export const openReportQueue = async (file: string): Promise<ReportQueue> => {
  let waiting = (await load(file)).slice(-MOST_REPORTS);
  let dropped = 0;
  let number = 0;
  let isChanged = false;
  let saving = Promise.resolve();
  const run = randomUUID();
  const write = async (): Promise<void> => {
    if (!isChanged) return;
    isChanged = false;
    if (waiting.length === 0) return rm(file, { force: true });
    const text = waiting.map((each) => `${JSON.stringify(each)}\n`).join('');
    await writeFile(`${file}.new`, text, { mode: 0o600 });
    await rename(`${file}.new`, file);
  };
  return {
    add(report) {
      isChanged = true;
      const [message, fields] = [report.message.slice(0, MOST_TEXT), shortened(report.fields)];
      waiting.push({ ...report, message, fields, origin: `${run}/${++number}` });
      if (waiting.length < MOST_REPORTS + SLACK) return;
      dropped += waiting.length - MOST_REPORTS;
      waiting = waiting.slice(-MOST_REPORTS);
    },
    next: (count) => waiting.slice(0, count),
    done(reports, told) {
      // Some of them may have been dropped while they were on their way.
      const has = new Set(reports);
      waiting = waiting.filter((each) => !has.has(each));
      dropped -= told;
      isChanged = true;
    },
    save: () => (saving = saving.then(write).catch(() => undefined)),
    get dropped() {
      return dropped;
    },
    get length() {
      return waiting.length;
    },
  };
};
