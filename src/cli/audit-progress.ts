/** One line that says how far a long reading has come, on a terminal only. */
import { type SegmentKey, segmentName } from '../pack/pack.ts';
import type { Clock } from '../telemetry/clock.ts';
import { formatBytes, type TextOutput, truncate } from '../text/terminal.ts';

const EVERY_MS = 200;

export interface Progress extends Disposable {
  /** The segment that is read from here on. */
  on(segment: SegmentKey): void;
  add(bytes: number): void;
  clear(): void;
}

export const openProgress = (out: TextOutput, clock: Clock): Progress => {
  let began: number | undefined;
  let shownAt = 0;
  let bytes = 0;
  let name = '';
  let visible = false;
  const clear = (): void => {
    if (visible) out.write('\r\x1b[K');
    visible = false;
  };
  return {
    clear,
    on(segment) {
      name = segmentName(segment);
      began ??= shownAt = clock.monotonic();
    },
    add(more) {
      bytes += more;
      const now = clock.monotonic();
      if (began === undefined || out.isTTY !== true || now < shownAt + EVERY_MS) return;
      shownAt = now;
      const rate = formatBytes((bytes * 1000) / (now - began));
      const line = `Reading ${name}: ${formatBytes(bytes)}, ${rate}/s`;
      out.write(`\r${truncate(line, (out.columns ?? 80) - 1)}\x1b[K`);
      visible = true;
    },
    [Symbol.dispose]: clear,
  };
};
