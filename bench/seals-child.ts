/**
 * One run of the bench of seals: hours of so many hosts that are stored but for their end, in a real store and ledger; then all their ends
 * at once, each a pack without bytes. Started by bench/seals.ts, with slow fsyncs in its environment. Prints one line of JSON.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCommitStage } from '../src/commit/commit-stage.ts';
import { openLedger } from '../src/ledger/registry.ts';
import { markersKind } from '../src/outputs/markers/markers.ts';
import { startOutputs } from '../src/outputs/outputs.ts';
import type { PackHeader, VerifiedPack } from '../src/pack/pack.ts';
import { checksumOf } from '../src/pack/survey.ts';
import { createSealer } from '../src/seal/sealer.ts';
import { openStore } from '../src/stores/registry.ts';
import { systemClock } from '../src/telemetry/clock.ts';

const HOSTS = Number(process.argv[2]);
/** Packs on their way at a time, as connections of agents have them. */
const IN_FLIGHT = 2_000;
const MARKERS_PARALLEL = 64;
const EMPTY = Buffer.alloc(0);

const packOf = (host: number, id: 1 | 2): VerifiedPack => {
  const line = Buffer.from(`a line of host ${host}\n`);
  const sha256 = createHash('sha256').update(line).digest('hex');
  const raw = id === 1 ? line : EMPTY;
  const header: PackHeader = {
    ...{ host: `web${host}`, stream: 'access', hour: '2026112216', id, generation: 1 },
    ...{ offset: id === 1 ? 0 : line.length, bytes: raw.length, lines: id === 1 ? 1 : 0 },
    ...{ checksum: checksumOf(raw), sha256, codec: 'none', time: Date.UTC(2026, 10, 22, 16, 59) },
    ...(id === 2 && { done: { packs: 2, lines: 1, bytes: line.length, sha256, hoursInDay: 24 } }),
  };
  return { header, raw, body: raw };
};

const dir = await mkdtemp(join(tmpdir(), 'logd-bench-seals-'));
try {
  const ledger = await openLedger({ kind: 'sqlite', path: join(dir, 'ledger.db') }, 'own');
  const store = await openStore({ kind: 'file', dir: join(dir, 'stored'), compression: 'none' }, undefined);
  const began = performance.now();
  let sealed = 0;
  let all = (_seconds: number): void => undefined;
  const said = new Set<string>();
  const emit = (name: string): void => {
    if (name !== 'seal.sealed') said.add(name);
    else if (++sealed === HOSTS) all(performance.now() - began);
  };
  const deps = { store, ledger, clock: systemClock, emit };
  const outputs = await startOutputs({
    outputs: [
      {
        ...{ name: 'markers', unit: 'hour', start: 'beginning', parallel: MARKERS_PARALLEL },
        open: (with_) =>
          markersKind.open({ dir: join(dir, 'received'), expected: { within: 604_800_000 } }, with_),
      },
    ],
    ...{ stateDir: join(dir, 'state'), ...deps },
  });
  const commit = createCommitStage({
    ...deps,
    onComplete: (key) => sealer.request(key),
    onRecorded: () => outputs.wake(),
    onReopened: (key) => outputs.reopened(key),
  });
  const sealer = createSealer({ commit, ...deps, onSealed: () => outputs.wake() });

  const put = async (host: number, id: 1 | 2): Promise<void> => {
    const pack = packOf(host, id);
    const { header } = pack;
    const answer = await commit.put({ header, verified: Promise.resolve(pack), release: () => undefined });
    if (answer.kind !== 'ack') throw new Error(answer.message);
  };
  const putAll = async (id: 1 | 2): Promise<void> => {
    for (let host = 0; host < HOSTS; host += IN_FLIGHT)
      await Promise.all(
        Array.from({ length: Math.min(IN_FLIGHT, HOSTS - host) }, (_, n) => put(host + n, id)),
      );
  };
  await putAll(1);
  await outputs.idle();
  const before = ledger.counters();
  const ends = performance.now() - began;
  const done = new Promise<number>((resolve) => (all = resolve));
  await putAll(2);
  const seconds = ((await done) - ends) / 1000;
  const { transactions } = ledger.counters();
  await sealer.idle();
  await outputs.idle();
  const marked = (performance.now() - began - ends) / 1000;
  process.stdout.write(
    `${JSON.stringify({ seconds, marked, transactions: transactions - before.transactions, said: [...said] })}\n`,
  );
  await sealer[Symbol.asyncDispose]();
  await outputs[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  await ledger[Symbol.asyncDispose]();
} finally {
  await rm(dir, { recursive: true, force: true });
}
