/**
 * The demo's log writer, a process of its own: `node writer.ts PLAN`, with {@link WriterPlan} as JSON.
 *
 * It writes hour after hour, all hosts beside each other, as many web servers would: appended pieces that end anywhere, also in
 * the middle of a line. Exits with 0 when the last hour is written.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { accessLog } from './access-log.ts';
import { type DemoHost, demoPaths, hourStart } from './plan.ts';

const TICK_MS = 50;
const HOUR_MS = 3_600_000;
/** A writer that was held up catches up by at most this much at once. */
const MOST_LINES_AT_ONCE = 50_000;

export interface WriterPlan {
  readonly dir: string;
  readonly hosts: readonly DemoHost[];
  readonly hours: readonly string[];
  readonly secondsPerHour: number;
  readonly linesPerSecond: number;
  readonly seed: number;
}

const write = async (plan: WriterPlan): Promise<void> => {
  const paths = demoPaths(plan.dir);
  const writers = plan.hosts.map((host, index) => ({ host, log: accessLog({ seed: plan.seed + index }) }));
  for (const hour of plan.hours)
    await Promise.all(
      writers.map(async ({ host, log }) => {
        await using file = await open(paths.source(host.name, hour), 'a');
        await writeHour(file, log, hour, plan.linesPerSecond * host.share, plan.secondsPerHour * 1000);
      }),
    );
};

const writeHour = async (
  file: FileHandle,
  log: ReturnType<typeof accessLog>,
  hour: string,
  linesPerSecond: number,
  lastsMs: number,
): Promise<void> => {
  const began = performance.now();
  let held: Buffer = Buffer.alloc(0);
  let written = 0;
  for (let passed = 0; passed < lastsMs;) {
    passed = Math.min(performance.now() - began, lastsMs);
    const due = Math.min(Math.floor((passed / 1000) * linesPerSecond) - written, MOST_LINES_AT_ONCE);
    const atMs = hourStart(hour) + Math.min(passed / lastsMs, 0.9999) * HOUR_MS;
    const piece = due > 0 ? Buffer.concat([held, log.lines(due, atMs)]) : held;
    const end = piece.length - (piece.length % 61);
    await file.appendFile(piece.subarray(0, end));
    held = piece.subarray(end);
    written += due;
    if (passed < lastsMs) await sleep(TICK_MS);
  }
  await file.appendFile(held);
};

await write(JSON.parse(process.argv[2] ?? '') as WriterPlan);
