/** Counts what a role has done, and how much of it each second. */
import type { Clock } from './clock.ts';
import type { Throughput } from './status.ts';

/** Rates are of the last ten seconds, in steps of one. */
const STEP_MS = 1000;
const STEPS = 10;

interface Work {
  packs: number;
  lines: number;
  bytes: number;
}

export interface Meter {
  count(work: { readonly lines: number; readonly bytes: number }): void;
  read(): Throughput;
}

const nothing = (): Work => ({ packs: 0, lines: 0, bytes: 0 });

const addTo = (sum: Work, { packs, lines, bytes }: Work): Work => {
  sum.packs += packs;
  sum.lines += lines;
  sum.bytes += bytes;
  return sum;
};

export const createMeter = (clock: Pick<Clock, 'monotonic'>): Meter => {
  const begun = clock.monotonic();
  const total = nothing();
  // The step that a slot was last used for, and its work: a ring that needs no timer.
  const ring = Array.from({ length: STEPS }, () => ({ step: -1, work: nothing() }));
  const stepNow = (): number => Math.floor((clock.monotonic() - begun) / STEP_MS);

  return {
    count({ lines, bytes }) {
      const step = stepNow();
      const slot = ring[step % STEPS];
      if (slot === undefined) return;
      if (slot.step !== step) Object.assign(slot, { step, work: nothing() });
      const work = { packs: 1, lines, bytes };
      addTo(slot.work, work);
      addTo(total, work);
    },
    read() {
      const step = stepNow();
      const recent = nothing();
      for (const slot of ring) if (slot.step > step - STEPS && slot.step <= step) addTo(recent, slot.work);
      const seconds = Math.min(STEPS, Math.max(1, (clock.monotonic() - begun) / STEP_MS));
      const rate = (value: number): number => Math.round((value / seconds) * 10) / 10;
      return {
        ...total,
        packsPerSecond: rate(recent.packs),
        linesPerSecond: rate(recent.lines),
        bytesPerSecond: rate(recent.bytes),
      };
    },
  };
};
