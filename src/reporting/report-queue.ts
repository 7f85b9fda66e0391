/**
 * Warnings and errors on their way to the monitor: a bounded queue, kept on disk while the monitor is away. When it is full the oldest
 * go, counted: the node's own log has them all.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** What a monitor gets of one log line. */
export interface NodeReport {
  /** Unix milliseconds. */
  readonly at: number;
  readonly level: 'warn' | 'error';
  readonly event: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number>>;
}

export interface ReportQueue {
  add(report: NodeReport): void;
  /** The oldest, at most so many; they stay until {@link ReportQueue.done}. */
  next(count: number): readonly NodeReport[];
  /** The monitor has that many of the oldest. */
  done(count: number): void;
  /** How many were given up because the queue was full; counted from the last call on. */
  takeDropped(): number;
  /** Writes what waits to disk, or removes the file where nothing does. */
  save(): void;
  readonly length: number;
}

/** A report is some hundred bytes: a few MiB at most. */
export const MOST_REPORTS = 5_000;
const MOST_TEXT = 1_000;

const load = (file: string): NodeReport[] => {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as NodeReport);
  } catch {
    // None there, or torn by a crash: reports are also in the node's log.
    return [];
  }
};

export const openReportQueue = (file: string): ReportQueue => {
  let waiting = load(file).slice(-MOST_REPORTS);
  let dropped = 0;
  let isSaved = waiting.length > 0;
  return {
    add(report) {
      waiting.push({ ...report, message: report.message.slice(0, MOST_TEXT) });
      // In steps, so that a full queue does not move its entries with each new one.
      if (waiting.length < MOST_REPORTS + 500) return;
      dropped += waiting.length - MOST_REPORTS;
      waiting = waiting.slice(-MOST_REPORTS);
    },
    next: (count) => waiting.slice(0, count),
    done(count) {
      waiting = waiting.slice(count);
    },
    takeDropped() {
      const count = dropped;
      dropped = 0;
      return count;
    },
    save() {
      if (waiting.length === 0) {
        if (isSaved) rmSync(file, { force: true });
        isSaved = false;
        return;
      }
      writeFileSync(`${file}.new`, waiting.map((each) => `${JSON.stringify(each)}\n`).join(''), {
        mode: 0o600,
      });
      renameSync(`${file}.new`, file);
      isSaved = true;
    },
    get length() {
      return waiting.length;
    },
  };
};
