/** The resident memory of another process, sampled while something goes on. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const SAMPLE_EVERY_MS = 20;

/** Bytes; what /proc says of the process at this moment. */
export const residentBytes = async (pid: number): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
};

export interface MemoryWatch extends AsyncDisposable {
  /** The most that was seen. */
  readonly peak: number;
}

/** Samples until disposed of. */
export const watchMemory = (pid: number): MemoryWatch => {
  let peak = 0;
  let over = false;
  const sample = async (): Promise<void> => {
    while (!over) {
      peak = Math.max(peak, await residentBytes(pid).catch(() => 0));
      await sleep(SAMPLE_EVERY_MS);
    }
  };
  const sampling = sample();
  return {
    get peak() {
      return peak;
    },
    async [Symbol.asyncDispose]() {
      over = true;
      await sampling;
    },
  };
};
