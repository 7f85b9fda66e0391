/** The SQLite ledger against a trivially right one: any order, repeats, losses, contradictions, generations, restarts. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import fc from 'fast-check';
import type { PackEntry } from '../../src/ledger/ledger.ts';
import { freshDelivery } from '../../src/outputs/due.ts';
import type { OpenLedger } from '../../src/ledger/ledger-kind.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts';
import type { SegmentKey } from '../../src/pack/pack.ts';
import { end, sealOf } from '../ledger/packs.ts';
import { SegmentModel } from './ledger-model.ts';
import { KEYS, step } from './ledger-steps.ts';
import type { Step } from './ledger-steps.ts';

interface World {
  readonly ledger: OpenLedger;
  readonly models: readonly SegmentModel[];
  /** `hour generation` of the seals whose markers are written. */
  /** The generation that an output has of each hour. */
  readonly delivered: Map<string, number>;
}

/** True when the promise resolved, false when it was refused as a contradiction. Anything else is a defect. */
const accepted = (promise: Promise<unknown>): Promise<boolean> =>
  promise.then(
    () => true,
    (error: { code?: string }) => {
      assert.equal(error.code, 'conflict');
      return false;
    },
  );

const commit = async ({ ledger, models }: World, entries: readonly PackEntry[]): Promise<void> => {
  const modelOf = ({ header }: PackEntry) => models.find(({ key }) => key.hour === header.hour)!;
  const wanted = entries.map((entry) => modelOf(entry).put(entry));
  const results = await ledger.commit(entries);
  assert.deepEqual(
    results.map(({ outcome }) => outcome),
    wanted,
  );
  for (const [index, { segment }] of results.entries()) {
    const record = modelOf(entries[index]!).record();
    if (record !== undefined) assert.deepEqual(segment, record);
  }
};

const seal = async ({ ledger }: World, model: SegmentModel): Promise<void> => {
  const record = model.record();
  const nothing = { ...model.key, ...end(1), generation: 1, firstArrival: 1, lastArrival: 1, sealedAt: 1 };
  const sealing = record?.expected === undefined ? nothing : sealOf(record);
  const isProven = record?.lines === record?.expected?.lines && record?.bytes === record?.expected?.bytes;
  const may = isProven && (record?.state === 'complete' || record?.state === 'sealed');
  assert.equal(await accepted(ledger.seal(sealing)), may);
  if (may && record.state === 'complete') model.seals.push(sealing);
  if (may) model.verdict = { state: 'sealed' };
};

const refuse = async ({ ledger }: World, model: SegmentModel): Promise<void> => {
  const record = model.record();
  const may = record !== undefined && record.state !== 'sealed';
  assert.equal(await accepted(ledger.close(model.key, 'refused', 'Other bytes.')), may);
  if (may) model.verdict = { state: 'refused', reason: 'Other bytes.' };
};

const reopen = async ({ ledger }: World, model: SegmentModel, generation: number): Promise<void> => {
  const record = model.record();
  const isRunning = record?.state === 'open' || record?.state === 'complete';
  const may = record !== undefined && (isRunning || generation > record.generation);
  assert.equal(await accepted(ledger.reopen(model.key, generation)), may);
  if (!may || isRunning) return;
  model.announced = generation;
  model.verdict = undefined;
};

const deliver = async (
  { ledger, delivered }: World,
  model: SegmentModel,
  generation: number,
): Promise<void> => {
  const may = model.record() !== undefined;
  assert.equal(await accepted(ledger.setDelivery({ ...freshDelivery('out', model.key), generation })), may);
  if (may) delivered.set(model.key.hour, generation);
};

const expire = async ({ ledger, models }: World, before: number): Promise<void> => {
  const expired = models.filter((model) => {
    const record = model.record();
    return record?.state === 'open' && record.lastArrival < before;
  });
  for (const model of expired) model.verdict = { state: 'incomplete', reason: 'Expired.' };
  const closed = await ledger.expire(before, 'Expired.');
  assert.deepEqual(
    closed.map(({ hour }) => hour).sort(),
    expired.map(({ key }) => key.hour),
  );
};

/** Takes the step on both sides; what they answer must be equal. */
const take = async (world: World, doing: Step): Promise<void> => {
  if (doing.do === 'commit') return commit(world, doing.entries);
  if (doing.do === 'expire') return expire(world, doing.before);
  const model = world.models[doing.segment]!;
  if (doing.do === 'seal') return seal(world, model);
  if (doing.do === 'refuse') return refuse(world, model);
  if (doing.do === 'reopen') return reopen(world, model, doing.generation);
  return deliver(world, model, doing.generation);
};

const compare = async ({ ledger, models, delivered }: World): Promise<void> => {
  const records = models.flatMap((model) => model.record() ?? []);
  const [segments, days, deliveries, changes, ...details] = await Promise.all([
    ledger.segments({}),
    ledger.days({}),
    ledger.deliveries('out', {}, { limit: 100 }),
    ledger.changes(0, 100),
    ...models.map(({ key }) =>
      Promise.all([ledger.packs(key, 0, 100), ledger.gaps(key, 100), ledger.seals(key)]),
    ),
  ]);
  assert.deepEqual(segments, records);
  assert.deepEqual(
    details,
    models.map((model) => [model.entries, model.gaps(), model.seals]),
  );
  const counted = records.filter(({ state, expected }) => state === 'sealed' && expected?.hoursInDay !== 0);
  assert.equal(
    days.reduce((sum, day) => sum + day.sealed, 0),
    counted.length,
  );
  assert.deepEqual(
    deliveries.map(({ hour, generation }) => [hour, generation]),
    [...delivered].sort(([a], [b]) => a.localeCompare(b)),
  );
  // Whatever happened to a segment, whoever follows the ledger sees its last state.
  const byHour = (a: SegmentKey, b: SegmentKey): number => a.hour.localeCompare(b.hour);
  assert.deepEqual(changes.map(({ segment }) => segment).sort(byHour), records.toSorted(byHour));
};

/** Runs the steps on an empty ledger at `path`; returns each state that the first segment was in, with its generation. */
const run = async (
  path: string,
  doings: readonly (Step | { readonly do: 'restart' })[],
): Promise<string[]> => {
  const models = KEYS.map((key) => new SegmentModel(key));
  const delivered = new Map<string, number>();
  const states: string[] = [];
  let ledger = await openSqliteLedger({ path });
  try {
    for (const doing of doings) {
      if (doing.do === 'restart') {
        await ledger[Symbol.asyncDispose]();
        ledger = await openSqliteLedger({ path });
      } else await take({ ledger, models, delivered }, doing);
      await compare({ ledger, models, delivered });
      const record = models[0]!.record();
      states.push(`${record?.state} ${record?.generation}`);
    }
  } finally {
    await ledger[Symbol.asyncDispose]();
  }
  return states;
};

it('does what a trivially right ledger does, across restarts', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'logd-ledger-model-'));
  const seen = new Set<string>();
  let runs = 0;
  try {
    const property = fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 24 }), async (doings) => {
      const states = await run(join(directory, `${runs++}.db`), doings);
      for (const state of states) seen.add(state);
    });
    await fc.assert(property, { numRuns: Number(process.env['LOGD_MODEL_RUNS'] ?? 25) });
    // A test that never seals proves nothing about seals.
    const sealed = [...seen].filter((state) => state.startsWith('sealed'));
    assert.ok(sealed.length > 0, 'no run came to a seal');
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
