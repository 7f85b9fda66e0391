/** All outputs of a sink: opens each, and has a follower for it. One that fails never touches another. */
import { join } from 'node:path';
import { makeDirectory } from '../disk/durable-directory.ts';
import type { Deliveries } from '../ledger/delivery.ts';
import type { Expectations } from '../ledger/expectation.ts';
import type { Ledger, SegmentRecord } from '../ledger/ledger.ts';
import type { OutputPosition } from '../ledger/retention.ts';
import type { SegmentKey } from '../pack/pack.ts';
import type { Store } from '../stores/store.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import { type DueRules, freshDelivery, isNeeded } from './due.ts';
import { type OutputFollower, followOutput, type FollowerStatus } from './output-follower.ts';
import type { Output, OutputDeps } from './output.ts';

/** One output as the configuration has it, and how to open it. */
export interface ConfiguredOutput {
  readonly name: string;
  readonly unit: 'pack' | 'hour';
  readonly start: string;
  readonly parallel: number;
  open(deps: OutputDeps): Promise<Output>;
}

export interface OutputsOptions {
  readonly outputs: readonly ConfiguredOutput[];
  readonly stateDir: string;
  readonly ledger: Ledger & Deliveries & Expectations;
  readonly store: Pick<Store, 'read'>;
  readonly clock: Clock;
  readonly emit: Emit;
}

export interface Outputs extends AsyncDisposable {
  /** The ledger has changed: packs were recorded, or an hour was sealed. */
  wake(): void;
  /** A sealed hour is open again: resolves when every output has withdrawn what it said of it. */
  reopened(key: SegmentKey): Promise<void>;
  /** Where all outputs of the ledger are in a sealed segment; undefined while one of them needs it. */
  settled(segment: SegmentRecord): Promise<OutputPosition[] | undefined>;
  /** Retention takes the hour away: resolves when every output has removed what says that it is there. */
  expired(segment: SegmentRecord): Promise<void>;
  status(): FollowerStatus[];
  /** Resolves when nothing is due, except what failed, waits, or is paused. */
  idle(): Promise<void>;
}

const settledIn = async (
  ledger: Deliveries,
  rules: ReadonlyMap<string, DueRules>,
  segment: SegmentRecord,
): Promise<OutputPosition[] | undefined> => {
  const positions: OutputPosition[] = [];
  for (const record of await ledger.outputs()) {
    const { name } = record;
    const delivery = (await ledger.delivery(name, segment)) ?? freshDelivery(name, segment);
    if (isNeeded(rules.get(name), record, segment, delivery)) return undefined;
    positions.push({ output: name, generation: delivery.generation, nextId: delivery.nextId });
  }
  return positions;
};

/** Opens all outputs, then follows. Rejects, with none left open, where one cannot be opened. */
export const startOutputs = async (options: OutputsOptions): Promise<Outputs> => {
  const { stateDir, ledger, store, clock, emit } = options;
  await using starting = new AsyncDisposableStack();
  const opened: Output[] = [];
  const rules = new Map<string, DueRules>();
  const followers: OutputFollower[] = [];
  for (const { name, unit, start, parallel, open } of options.outputs) {
    const own = join(stateDir, 'outputs', name);
    await makeDirectory(own, 'state_dir');
    const output = await open({ name, stateDir: own, ledger, clock, emit });
    opened.push(output);
    rules.set(name, { unit, wants: (segment) => output.wants?.(segment) !== false });
    const follower = await followOutput({
      ...{ name, unit, output, start, parallel, ledger, store, clock, emit },
    });
    followers.push(starting.use(follower));
  }
  const parts = starting.move();
  return {
    wake: () => {
      for (const follower of followers) follower.wake();
    },
    reopened: async (key) => {
      await Promise.all(opened.map((output) => output.withdraw?.(key) ?? Promise.resolve()));
    },
    settled: (segment) => settledIn(ledger, rules, segment),
    expired: async (segment) => {
      await Promise.all(opened.map((output) => output.expired?.(segment) ?? Promise.resolve()));
    },
    status: () => followers.map((follower) => follower.status()),
    idle: async () => {
      await Promise.all(followers.map((follower) => follower.idle()));
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
};
