/** All that is known of hours: what sinks report, who is expected, which sink is away; and what is wrong with them now. */
import type { ExpectedHours } from '../../ledger/expectation.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { NodeStatus } from '../../telemetry/status.ts';
import type { StateRules } from './cell-states.ts';
import { type FollowedSink, followSinks, type SinkFollower } from './follow-sinks.ts';
import { createHourBook } from './hour-cells.ts';
import type { HourTable } from './hour-table.ts';
import { openHourZone } from './hour-zone.ts';
import type { MatrixSource } from './matrix.ts';
import { type HourProblems, hourProblems } from './problems.ts';
import { createRegisteredStreams } from './registered.ts';

export interface KnownHoursOptions {
  readonly table: HourTable;
  readonly ask: (url: string) => Promise<unknown>;
  readonly followed: () => readonly FollowedSink[];
  readonly zone: string;
  readonly checkIntervalMs: number;
  readonly lateAfterMs: number;
  readonly expectWithinMs: number;
  readonly clock: Clock;
  readonly changed: () => void;
}

export interface KnownHours {
  readonly sinks: SinkFollower;
  /** Hours as they are known now, with the rules by which they are judged. */
  matrix(): { readonly source: MatrixSource; readonly rules: StateRules };
  /** Sinks that have not answered for two check intervals, and since when. */
  awaySinks(): { readonly name: string; readonly since: number }[];
  /** What was wrong when it was last judged. */
  problems(): HourProblems;
  judge(): HourProblems;
  /** Reads what the store has. */
  load(): Promise<void>;
  /** Reads who is expected again, after somebody changed it. */
  refresh(): Promise<void>;
  /** What nodes say of themselves. */
  heard(statuses: readonly NodeStatus[]): void;
}

const HOUR_MS = 3_600_000;

export const createKnownHours = (options: KnownHoursOptions): KnownHours => {
  const { table, clock, checkIntervalMs } = options;
  const book = createHourBook();
  const zone = openHourZone(options.zone);
  const registered = createRegisteredStreams(book, () => clock.now());
  let expectations = new Map<string, ExpectedHours>();
  const sinks = followSinks({
    ...{ book, table, zone, ask: options.ask, now: () => clock.now(), sinks: options.followed },
    changed: options.changed,
  });
  const awaySinks = () =>
    sinks
      .states()
      .filter(
        ({ answeredAt, reason }) => reason !== undefined && clock.now() - answeredAt > 2 * checkIntervalMs,
      )
      .map(({ source, answeredAt }) => ({ name: source, since: answeredAt }));
  const matrix = () => ({
    source: {
      book,
      // What was said to the monitor goes before what was said to a sink.
      expectations: new Map([...registered.expectations(), ...sinks.expectations(), ...expectations]),
      away: new Map(awaySinks().map(({ name, since }) => [name, since])),
    },
    rules: {
      ...{ now: clock.now(), lateAfterMs: options.lateAfterMs, zone },
      expectWithin: Math.round(options.expectWithinMs / HOUR_MS),
    },
  });
  const look = (): HourProblems => {
    const { source, rules } = matrix();
    return hourProblems(source, rules);
  };
  let problems = look();
  return {
    ...{ sinks, matrix, awaySinks },
    problems: () => problems,
    judge: () => (problems = look()),
    async load() {
      await table.load(book);
      expectations = await table.expectations();
      problems = look();
    },
    async refresh() {
      expectations = await table.expectations();
      problems = look();
      options.changed();
    },
    heard: registered.heard,
  };
};
