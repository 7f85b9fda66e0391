/** Counts events as they are emitted: metrics are made from the one list of events. */
import { type Emit, EVENTS } from './events.ts';

interface EventCount {
  readonly level: string;
  count: number;
}

/** An `emit` that counts, and the counts by name. Names are those of the list, so there are few. */
export const countEvents = (
  emit: Emit,
): { readonly emit: Emit; readonly counts: ReadonlyMap<string, EventCount> } => {
  const counts = new Map<string, EventCount>();
  return {
    counts,
    emit: (name, fields) => {
      const known = counts.get(name);
      if (known === undefined) counts.set(name, { level: EVENTS[name].level, count: 1 });
      else known.count++;
      emit(name, fields);
    },
  };
};
