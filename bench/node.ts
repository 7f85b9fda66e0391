/**
 * A logd process under measurement: its CPU seconds and its peak memory, as the kernel accounts them (Linux).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(import.meta.dirname, '..');
const MAIN = join(ROOT, 'dist', 'cli', 'main.js');

/** The flags that the command gives to Node.js, and what the systemd units add to the environment. */
export const asInstalled = (): { readonly flags: string[]; readonly env: Record<string, string> } => {
  const flags = /^#!.* node (.*)$/m.exec(readFileSync(join(ROOT, 'bin', 'logd.js'), 'utf8'))?.[1];
  const unit = readFileSync(join(ROOT, 'deploy', 'logd-agent.service'), 'utf8');
  const variables = /^Environment=(MALLOC_.*)$/m.exec(unit)?.[1];
  if (flags === undefined || variables === undefined)
    throw new Error('bin/logd.js or deploy/logd-agent.service does not say how logd is run.');
  return {
    flags: flags.split(' '),
    env: Object.fromEntries(variables.split(' ').map((variable) => variable.split('=', 2))),
  };
};

/** What runs Node.js, where given on one processor alone (Linux: taskset). */
export const nodeOn = (processor: number | undefined): { readonly file: string; readonly args: string[] } =>
  processor === undefined
    ? { file: process.execPath, args: [] }
    : { file: 'taskset', args: ['-c', String(processor), process.execPath] };

/** Clock ticks a second: fixed at 100 for user space on Linux. */
const TICKS = 100;

/** User and system seconds of a process so far, all threads. */
export const cpuSecondsOf = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
};

export interface MeasuredNode {
  /** User and system seconds so far, all threads. */
  cpuSeconds(): number;
  /** Highest resident memory so far, in MiB. */
  peakMiB(): number;
  /** The next event of this name that the node logs, or has logged and was not asked for. */
  event(name: string): Promise<Record<string, unknown>>;
  stop(): Promise<void>;
}

/** Starts `logd run` on a configuration file. */
export const startMeasured = (config: string, processor?: number): MeasuredNode => {
  const { env, flags } = asInstalled();
  const { file, args } = nodeOn(processor);
  const child: ChildProcess = spawn(file, [...args, ...flags, MAIN, 'run', '-c', config], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const seen: Record<string, unknown>[] = [];
  const waiting: { name: string; resolve: (event: Record<string, unknown>) => void }[] = [];
  if (child.stderr === null || child.pid === undefined) throw new Error('The node did not start.');
  createInterface(child.stderr).on('line', (line) => {
    if (!line.startsWith('{')) return void process.stderr.write(`${line}\n`);
    const event: Record<string, unknown> = JSON.parse(line);
    if (event['level'] === 'error' || event['level'] === 'warn') process.stderr.write(`${line}\n`);
    const waiter = waiting.findIndex(({ name }) => name === event['event']);
    if (waiter === -1) seen.push(event);
    else waiting.splice(waiter, 1)[0]?.resolve(event);
  });
  const { pid } = child;
  return {
    cpuSeconds: () => cpuSecondsOf(pid),
    peakMiB: () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024,
    event(name) {
      const at = seen.findIndex((event) => event['event'] === name);
      const found = at === -1 ? undefined : seen.splice(at, 1)[0];
      return found ? Promise.resolve(found) : new Promise((resolve) => waiting.push({ name, resolve }));
    },
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
};
