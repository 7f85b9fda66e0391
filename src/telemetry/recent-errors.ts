/** The last warnings and errors of a role, as its status shows them. */
import type { Clock } from './clock.ts';
import { type Emit, EVENTS } from './events.ts';
import { renderText } from './log.ts';
import type { RecentError } from './status.ts';

/** How many are kept. */
const KEPT = 20;
/** Most characters of a text. */
const LONGEST = 500;

export interface RecentErrors {
  /** Passes every event on, and keeps the warnings and errors. */
  readonly emit: Emit;
  /** The last first. */
  list(): readonly RecentError[];
}

export const rememberErrors = (deps: { readonly emit: Emit; readonly clock: Clock }): RecentErrors => {
  const kept: RecentError[] = [];
  return {
    emit(name, fields) {
      const { level, text } = EVENTS[name];
      if (level === 'warn' || level === 'error') {
        kept.unshift({
          ...{ at: deps.clock.now(), level, event: name },
          text: renderText(text, fields).slice(0, LONGEST),
        });
        kept.length = Math.min(kept.length, KEPT);
      }
      deps.emit(name, fields);
    },
    list: () => [...kept],
  };
};
