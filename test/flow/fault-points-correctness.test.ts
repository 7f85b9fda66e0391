/**
 * At every fault point the process kills itself, at an early, a later and a late pass; afterwards everything that was
 * written is sealed, byte for byte, and nothing is there twice. A point without a scenario, or that is never passed, fails.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FAULT_POINTS, type FaultPoint } from '../../src/fault/fault.ts';
import { assertSealedEqual } from './compare.ts';
import { bytesOf, hoursFrom, randomFrom } from './lines.ts';
import { onRig, type Rig } from './rig.ts';

type Compression = 'none' | 'zstd';

interface Scenario {
  readonly victim: 'web1' | 'sink';
  /** Passes at which the process dies, one life after the other. */
  readonly passes: readonly number[];
  /** How the sink stores, where that makes a difference to what is done at the point. */
  readonly compressions: readonly Compression[];
  /** Other faults of each life, which make the point be passed. */
  readonly besides?: string;
}

const PACKS_AN_HOUR = 8;
const PACK_BYTES = 4096;
/** An hour is written after the other until the process has died; a point that takes more is not passed. */
const MOST_HOURS = 40;

const BOTH: readonly Compression[] = ['none', 'zstd'];
const EACH_PACK = [1, 7, 20] as const;
const EACH_HOUR = [1, 2, 4] as const;

const agent = (passes: readonly number[]): Scenario => ({
  victim: 'web1',
  passes,
  compressions: ['none'],
});
const sink = (passes: readonly number[], compressions: readonly Compression[] = ['none']): Scenario => ({
  victim: 'sink',
  passes,
  compressions,
});

/** Packs that could not be stored at once come again behind later ones, so that the file must be put in order. */
const OUT_OF_ORDER = 'sink.write:2:ENOSPC,store.before-write:13:EIO,receive.before-verify:24:EIO';
const rewritten: Scenario = { ...sink([1, 2, 2], ['zstd']), besides: OUT_OF_ORDER };

/** Those of a relay are walked in relay-chain.test.ts, those of a repair in repull-correctness.test.ts, those of retention in retention-correctness.test.ts. */
type NodePoint = Exclude<FaultPoint, `spool.${string}` | `repair.${string}` | `retain.${string}`>;
const isNodePoint = (point: FaultPoint): point is NodePoint => !/^(?:spool|repair|retain)\./.test(point);

const scenarios: Readonly<Record<NodePoint, Scenario>> = {
  'cut.before-record': agent(EACH_PACK),
  'cut.after-record': agent(EACH_PACK),
  'marks.before-commit': agent(EACH_PACK),
  'marks.after-commit': agent(EACH_PACK),
  'send.before-first-byte': agent(EACH_PACK),
  'send.after-last-byte': agent(EACH_PACK),
  'send.before-ack-record': agent(EACH_PACK),
  'send.after-ack-record': agent(EACH_PACK),
  'hold.before-link': agent(EACH_HOUR),
  'hold.before-unlink': agent(EACH_HOUR),
  'receive.before-verify': sink(EACH_PACK),
  'store.before-write': sink(EACH_PACK),
  'store.after-write': sink(EACH_PACK, BOTH),
  'sink.write': sink(EACH_PACK, BOTH),
  'disk.sync': sink([1, 5, 14], BOTH),
  'sink.before-sync': sink(EACH_HOUR, BOTH),
  'sink.after-sync': sink(EACH_HOUR, BOTH),
  'ledger.before-commit': sink(EACH_PACK),
  'ledger.after-commit': sink(EACH_PACK),
  'store.before-ack': sink(EACH_HOUR),
  'seal.before-digest': sink(EACH_HOUR),
  'seal.before-rename': rewritten,
  'seal.after-rename': rewritten,
  'seal.before-ledger': sink(EACH_HOUR, BOTH),
  'seal.after-ledger': sink(EACH_HOUR, BOTH),
  'output.before-deliver': sink(EACH_HOUR),
  'output.after-deliver': sink(EACH_HOUR),
  'output.after-position': sink(EACH_HOUR),
};

const hours = hoursFrom('2026112200', MOST_HOURS);

let warm: Promise<void> | undefined;

/** Writes hours until the victim is dead. */
const writeUntilDead = async (
  rig: Rig,
  next: () => Promise<string>,
  isDead: () => boolean,
): Promise<void> => {
  while (!isDead()) {
    const hour = await next();
    await rig.until(`${hour} is sealed, or the process dead`, async () => {
      if (isDead()) return true;
      return (await rig.segments()).some((record) => record.hour === hour && record.state === 'sealed');
    });
  }
};

const walk = async (
  rig: Rig,
  point: FaultPoint,
  scenario: Scenario,
  compression: Compression,
): Promise<void> => {
  const { victim, passes, besides } = scenario;
  const other = victim === 'sink' ? 'web1' : 'sink';
  const random = randomFrom(1);
  await rig.configureSink({ compression });
  await rig.configureAgent({ host: 'web1', streams: ['access'] });
  await (warm ??= rig.warmUp(['sink', 'web1']));
  rig.spawn(other);
  let written = 0;
  const next = async (): Promise<string> => {
    const hour = hours[written++];
    if (hour === undefined) throw new Error(`${point} was not passed often enough in ${MOST_HOURS} hours.`);
    await rig.sources.write('web1', 'access', hour, bytesOf(hour, PACKS_AN_HOUR * PACK_BYTES, random));
    return hour;
  };
  for (const pass of passes) {
    const node = rig.spawn(victim, [`${point}:${pass}`, ...(besides === undefined ? [] : [besides])].join());
    await writeUntilDead(rig, next, () => node.exit !== undefined);
    const { signal } = await node.ended;
    assert.equal(signal, 'SIGKILL', `${victim} did not die at pass ${pass} of ${point}`);
  }
  rig.spawn(victim);
  await rig.sealed();
  await assertSealedEqual(rig, { compression });
  await rig.released('web1');
};

describe('fault-points-correctness', { concurrency: 2 }, () => {
  for (const point of FAULT_POINTS.filter(isNodePoint))
    for (const compression of scenarios[point].compressions)
      it(`killed at ${point}, storing as ${compression}`, (t) =>
        onRig(t, (rig) => walk(rig, point, scenarios[point], compression)));
});
