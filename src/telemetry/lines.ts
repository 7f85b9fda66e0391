/**
 * Log lines on their way to a file descriptor that may be full, slow or gone. Writing never throws and never waits.
 *
 * - Lines are written whole and in order: one that was begun is finished before the next.
 * - While the descriptor would block (EAGAIN: its reader is slow), lines wait, up to {@link MOST_WAITING} bytes.
 * - What cannot be written, or does not fit, is dropped and counted. The first line that is written afterwards says how many.
 */
import { errnoOf, messageOf } from '../error.ts';

/** Bytes that wait for a slow reader. */
const MOST_WAITING = 1024 * 1024;
const RETRY_MS = 250;
/** How long {@link LineWriter.close} waits for a slow reader. */
const CLOSE_MS = 1000;
const CLOSE_STEP_MS = 10;

export interface LineWriter {
  /** Takes a line with its newline. */
  write(line: string): void;
  /** Gives what waits a last chance; blocks for up to a second. For the end of the process. */
  close(): void;
}

export interface LineTarget {
  /** As `fs.writeSync`: returns how many bytes were taken, or throws. */
  write(bytes: Uint8Array): number;
  /** The line that says so. */
  lost(lines: number, reason: string): string;
}

interface WaitingLine {
  rest: Uint8Array;
  /** Lines that are lost with it: more than its own where it says that others are. */
  readonly counts: number;
  begun: boolean;
}

export const lineWriter = (target: LineTarget): LineWriter => {
  let queue: WaitingLine[] = [];
  let waiting = 0;
  let lost = 0;
  let reason = '';
  let retry: NodeJS.Timeout | undefined;

  const add = (line: string, counts: number): void => {
    const rest = Buffer.from(line);
    waiting += rest.length;
    queue.push({ rest, counts, begun: false });
  };
  const addLossNotice = (): void => {
    if (lost === 0 || queue.length > 0) return;
    const counts = lost;
    lost = 0;
    add(target.lost(counts, reason), counts);
  };
  /** A line that was begun stays, so that the next one does not continue it. */
  const drop = (): void => {
    lost += queue.reduce((sum, { begun, counts }) => (begun ? sum : sum + counts), 0);
    queue = queue.filter(({ begun }) => begun);
    waiting = queue.reduce((sum, { rest }) => sum + rest.length, 0);
  };
  const drain = (): void => {
    try {
      for (let head = queue[0]; head; head = queue[0]) {
        const taken = target.write(head.rest);
        waiting -= taken;
        head.begun ||= taken > 0;
        head.rest = head.rest.subarray(taken);
        if (head.rest.length === 0) queue.shift();
      }
    } catch (error) {
      if (errnoOf(error) !== 'EAGAIN') {
        reason = messageOf(error);
        drop();
      }
    }
  };
  const work = (): void => {
    drain();
    addLossNotice();
    drain();
    if (queue.length === 0 && lost === 0) return;
    retry ??= setTimeout(() => {
      retry = undefined;
      work();
    }, RETRY_MS).unref();
  };

  return {
    write(line) {
      if (queue.length > 0) drain();
      if (queue.length > 0 && (lost > 0 || waiting + line.length > MOST_WAITING)) {
        if (lost === 0) reason = 'whoever reads the log is too slow';
        lost += 1;
        return;
      }
      addLossNotice();
      add(line, 1);
      work();
    },
    close() {
      const sleeper = new Int32Array(new SharedArrayBuffer(4));
      for (let left = CLOSE_MS; left > 0; left -= CLOSE_STEP_MS) {
        work();
        if (queue.length === 0) return;
        Atomics.wait(sleeper, 0, 0, CLOSE_STEP_MS);
      }
    },
  };
};
