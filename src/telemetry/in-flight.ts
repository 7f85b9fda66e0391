/** Things that were begun and have not ended, such as packs that wait for their answer: how many, how large, since when. */
import type { Clock } from './clock.ts';

export interface InFlight {
  /** Something begins; call the result once, when it has ended. */
  begin(bytes: number): () => void;
  readonly count: number;
  readonly bytes: number;
  /** Age of the oldest in seconds; 0 when nothing is under way. */
  readonly seconds: number;
}

export const createInFlight = (clock: Pick<Clock, 'monotonic'>): InFlight => {
  // In order of their beginning: the first is the oldest.
  const begun = new Set<{ readonly at: number }>();
  let bytes = 0;
  return {
    begin(size) {
      const one = { at: clock.monotonic() };
      begun.add(one);
      bytes += size;
      return () => {
        if (begun.delete(one)) bytes -= size;
      };
    },
    get count() {
      return begun.size;
    },
    get bytes() {
      return bytes;
    },
    get seconds() {
      const [oldest] = begun;
      return oldest === undefined ? 0 : (clock.monotonic() - oldest.at) / 1000;
    },
  };
};
