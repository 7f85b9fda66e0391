/**
 * The baseline: `zstd -1 | zstd -d > file`, a pipe that compresses, decompresses and writes, and proves nothing.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Figures } from './figures.ts';
import { touchMemory } from './memory.ts';

/** Runs the pipe once over the file. CPU is that of both zstd processes, from the shell's `times`. */
export const runPipe = async (input: string, dir: string): Promise<Figures> => {
  const output = join(dir, 'pipe.out');
  await touchMemory(dir, 2 * (await stat(input)).size);
  const started = performance.now();
  const shell = spawn('bash', ['-c', 'zstd -1 -q -c "$0" | zstd -d -q -c > "$1"; times', input, output], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const chunks: Buffer[] = [];
  shell.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [code] = await once(shell, 'close');
  const seconds = (performance.now() - started) / 1000;
  if (code !== 0) throw new Error(`The pipe failed with exit code ${String(code)}.`);
  await rm(output);
  const children = Buffer.concat(chunks).toString().trim().split('\n')[1] ?? '';
  const cpuSeconds = [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, rest]) => sum + Number(minutes) * 60 + Number(rest),
    0,
  );
  return { seconds, cpuSeconds };
};
