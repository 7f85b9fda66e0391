/**
 * Events that nobody sends again when they could not be stored: what the monitor itself finds out, and logs of Go nodes, which get no
 * answer. They wait here while the database is away, bounded: the oldest go first.
 */
import type { EventLog, LoggedEvent } from './event-log.ts';

const MOST_WAITING = 2_000;
const BATCH = 500;
const RETRY_MS = 1_000;

export interface NotePad extends AsyncDisposable {
  /** Stores it as soon as possible. */
  note(event: LoggedEvent): void;
}

export const openNotePad = (log: Pick<EventLog, 'add'>, stored: () => void): NotePad => {
  let waiting: LoggedEvent[] = [];
  let storing: Promise<void> | undefined;
  let retry: NodeJS.Timeout | undefined;

  const storeAll = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, BATCH);
      await log.add(batch);
      const has = new Set(batch);
      waiting = waiting.filter((each) => !has.has(each));
      stored();
    }
  };
  const start = (): Promise<void> =>
    (storing ??= storeAll()
      .catch(() => {
        retry ??= setTimeout(() => {
          retry = undefined;
          void start();
        }, RETRY_MS);
      })
      .finally(() => (storing = undefined)));
  return {
    note(event) {
      waiting.push(event);
      if (waiting.length > MOST_WAITING) waiting.shift();
      if (retry === undefined) void start();
    },
    async [Symbol.asyncDispose]() {
      await storing;
      clearTimeout(retry);
      // A last try, which starts no other.
      await storeAll().catch(() => undefined);
    },
  };
};
