/** The packs that crash-child.ts stores. */
import { logLines } from '../../contract/recorder.ts';

export const CRASH_PARTS: readonly Buffer[] = [90, 700, 0, 250, 31, 1200, 8, 400].map((lines, n) =>
  logLines(lines, n + 1),
);
