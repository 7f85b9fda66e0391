/**
 * One run of the bench of open hours, in a directory of its own. `fill`: so many hours get their first pack through the commit stage of a
 * sink, with a real store and ledger; prints the memory that they take. `start`: a sink starts on them; prints how long that takes, and its memory
 * when nothing is left to look at. Started by bench/open-hours.ts with --expose-gc. Prints one line of JSON.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCommitStage } from '../src/commit/commit-stage.ts';
import { parseConfig } from '../src/config/load.ts';
import { openLedger } from '../src/ledger/registry.ts';
import type { PackHeader, VerifiedPack } from '../src/pack/pack.ts';
import { checksumOf } from '../src/pack/survey.ts';
import { logdOptions } from '../src/roles/options.ts';
import { startSink } from '../src/roles/sink/sink.ts';
import { openStore } from '../src/stores/registry.ts';
import { systemClock } from '../src/telemetry/clock.ts';

const [dir = '', what = '', count = '', compression = ''] = process.argv.slice(2);
const HOURS = Number(count);
const STREAMS = 100;
/** Packs on their way at a time, as connections of agents have them. */
const IN_FLIGHT = 2_000;
/** Nothing happens in the background any more when so long no processor time is used. */
const QUIET_MS = 1_000;
const BUSY_SHARE = 0.05;

const memory = (): { readonly heap: number; readonly rss: number } => {
  for (let n = 0; n < 3; n++) globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, rss };
};

const packOf = (n: number): VerifiedPack => {
  const raw = Buffer.from(`a line of hour ${n}\n`);
  const header: PackHeader = {
    ...{ host: `web${Math.floor(n / STREAMS)}`, stream: `stream${n % STREAMS}`, hour: '2026112216' },
    ...{ id: 1, generation: 1, offset: 0, bytes: raw.length, lines: 1, codec: 'none' },
    ...{ checksum: checksumOf(raw), sha256: createHash('sha256').update(raw).digest('hex') },
    time: Date.UTC(2026, 10, 22, 16, 59),
  };
  return { header, raw, body: raw };
};

const said: Record<string, number> = {};
const emit = (name: string): void => void (said[name] = (said[name] ?? 0) + 1);

const fill = async (): Promise<object> => {
  await using ledger = await openLedger({ kind: 'sqlite', path: join(dir, 'state', 'ledger.db') }, 'own');
  await using store = await openStore({ kind: 'file', dir: join(dir, 'stored'), compression }, undefined);
  ledger.setStoreId(store.id);
  const commit = createCommitStage({
    ...{ store, ledger, clock: systemClock, emit },
    onComplete: () => undefined,
    onReopened: () => Promise.resolve(),
  });
  const before = memory();
  const began = performance.now();
  for (let n = 0; n < HOURS; n += IN_FLIGHT)
    await Promise.all(
      Array.from({ length: Math.min(IN_FLIGHT, HOURS - n) }, async (_, more) => {
        const pack = packOf(n + more);
        const { header } = pack;
        const verified = Promise.resolve(pack);
        const answer = await commit.put({ header, verified, release: () => undefined });
        if (answer.kind !== 'ack') throw new Error(answer.message);
      }),
    );
  const seconds = (performance.now() - began) / 1000;
  await commit.idle();
  const after = memory();
  return {
    seconds,
    heapEach: (after.heap - before.heap) / HOURS,
    rssEach: (after.rss - before.rss) / HOURS,
  };
};

/** Resolves when the process has become quiet. */
const quiet = async (): Promise<void> => {
  for (;;) {
    const before = process.cpuUsage();
    await sleep(QUIET_MS);
    const { user, system } = process.cpuUsage(before);
    if ((user + system) / 1000 < QUIET_MS * BUSY_SHARE) return;
  }
};

const start = async (): Promise<object> => {
  const yaml = [
    'node: sink',
    `state_dir: ${join(dir, 'state')}`,
    'sink:',
    '  listen: 127.0.0.1:0',
    '  repull_after: 0s',
    `  store: { kind: file, dir: ${join(dir, 'stored')}, compression: ${compression} }`,
  ].join('\n');
  const loaded = parseConfig(yaml, logdOptions, {});
  if (!loaded.ok || loaded.value.sink === undefined) throw new Error(JSON.stringify(loaded));
  const { sink } = loaded.value;
  const before = memory();
  const began = performance.now();
  const role = await startSink(sink, loaded.value, { clock: systemClock, emit });
  const seconds = (performance.now() - began) / 1000;
  const rssThen = process.memoryUsage().rss;
  await quiet();
  const settled = (performance.now() - began - QUIET_MS) / 1000;
  const after = memory();
  await role.stop();
  return {
    ...{ seconds, settled, rssThen: rssThen / HOURS, heapEach: (after.heap - before.heap) / HOURS },
    ...{ rssEach: (after.rss - before.rss) / HOURS },
  };
};

const measured = await (what === 'fill' ? fill() : start());
process.stdout.write(`${JSON.stringify({ ...measured, said })}\n`);
