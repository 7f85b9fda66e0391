/**
 * `npm run bench -- many`: many agents with small packs, against one sink on loopback: 300 connections, each with its own hour, keep
 * 4 packs of 100 lines each unanswered.
 *
 *   --connections 300 --window 4 --lines 100 --seconds 20 --save NAME
 *
 * The clients are one process without files or databases (many-child.ts), so that the sink is what is measured.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { startMeasured } from './node.ts';
import { reportBars, saveResults, say } from './report.ts';
import type { Bench } from './run.ts';
import { freePort } from './shipment.ts';

const LEAST_PACKS_A_SECOND = 10_000;
const MOST_PEAK_MIB = 250;
const MOST_P99_MS = 250;

const OPTIONS = {
  connections: { type: 'string', default: '300' },
  window: { type: 'string', default: '4' },
  lines: { type: 'string', default: '100' },
  seconds: { type: 'string', default: '20' },
  save: { type: 'string' },
} as const;

/** What the clients print. */
interface Acknowledged {
  readonly seconds: number;
  readonly packs: number;
  readonly p50: number;
  readonly p99: number;
  readonly rawBytes: number;
  readonly bodyBytes: number;
}

const run = async (args: readonly string[]): Promise<boolean> => {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const { connections, window, lines, seconds } = values;
  const dir = await mkdtemp(join(tmpdir(), 'logd-bench-many-'));
  try {
    const port = await freePort();
    const config = join(dir, 'sink.yaml');
    const sinkConfig = {
      log: { level: 'info', format: 'json' },
      node: 'sink',
      state_dir: join(dir, 'state'),
      sink: {
        listen: `127.0.0.1:${port}`,
        limits: { connections: 1000, strangers: 1000 },
        store: { kind: 'file', dir: join(dir, 'store') },
      },
    };
    // JSON is YAML.
    await writeFile(config, JSON.stringify(sinkConfig));
    const sink = startMeasured(config);
    await sink.event('receive.listening');
    const clients = spawn(
      process.execPath,
      [join(import.meta.dirname, 'many-child.ts'), String(port), connections, window, lines, seconds],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let result: Acknowledged | undefined;
    let cpuBefore = 0;
    for await (const line of createInterface(clients.stdout))
      if (line === 'warm') cpuBefore = sink.cpuSeconds();
      else result = JSON.parse(line) as Acknowledged;
    const cpuSeconds = sink.cpuSeconds() - cpuBefore;
    const peakMiB = sink.peakMiB();
    await sink.stop();
    if (result === undefined) throw new Error('The clients printed nothing.');
    const packsASecond = result.packs / result.seconds;
    const cpu = (cpuSeconds / result.packs) * 1e6;
    say(
      `${connections} connections, ${lines} lines a pack: ${result.rawBytes} bytes, ${result.bodyBytes} as zstd`,
    );
    say(
      `${Math.round(packsASecond)} packs/s, ${(cpuSeconds / result.seconds).toFixed(2)} cores, ${cpu.toFixed(0)} µs of CPU a pack`,
    );
    say(
      `answered after ${result.p50.toFixed(0)} ms (p50), ${result.p99.toFixed(0)} ms (p99); sink peak ${peakMiB.toFixed(0)} MiB`,
    );
    if (values.save !== undefined) await saveResults(values.save, { ...result, cpuSeconds, peakMiB });
    return reportBars('many', [
      { what: 'packs/s', is: packsASecond, atLeast: LEAST_PACKS_A_SECOND },
      { what: 'peak MiB', is: peakMiB, atMost: MOST_PEAK_MIB },
      { what: 'p99 ms', is: result.p99, atMost: MOST_P99_MS },
    ]);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};

export const bench: Bench = { summary: '300 connections with packs of 100 lines against one sink', run };
