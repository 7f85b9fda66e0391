/**
 * Child processes of the demo: started as a person would start them, with their output in a log file each.
 *
 * Each child leads a process group of its own, so that Ctrl-C in the terminal reaches the demo alone, which then
 * stops its children in order. Whatever way the demo ends, no child outlives it.
 */
import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { LogdError } from '../error.ts';

export interface Child extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  readonly logPath: string;
  /** Undefined while it runs; afterwards `exit code 0` or `SIGKILL`. */
  readonly end: string | undefined;
  /** Resolves when it has ended. */
  readonly ended: Promise<string>;
  /** Sends a signal and waits for the end. */
  stop(signal: NodeJS.Signals): Promise<string>;
}

/** Starts `node ARGS…`, or another program; standard output and error are appended to the file. */
export const startChild = async (
  name: string,
  args: readonly string[],
  logPath: string,
  program = process.execPath,
): Promise<Child> => {
  await using log = await open(logPath, 'a');
  const child = spawn(program, args, { stdio: ['ignore', log.fd, log.fd], detached: true });
  let end: string | undefined;
  const killNow = (): void => void child.kill('SIGKILL');
  process.once('exit', killNow);
  const ended = new Promise<string>((resolve) => {
    const finish = (how: string): void => {
      process.off('exit', killNow);
      end ??= how;
      resolve(end);
    };
    child.once('error', (error) => finish(error.message));
    child.once('exit', (code, signal) => finish(signal ?? `exit code ${code}`));
  });
  const { pid } = child;
  if (pid === undefined)
    throw new LogdError('storage', `Cannot start ${name}: ${await ended}. Look at ${logPath}.`);
  const stop = async (signal: NodeJS.Signals): Promise<string> => {
    if (end === undefined) child.kill(signal);
    return ended;
  };
  return {
    name,
    pid,
    logPath,
    get end() {
      return end;
    },
    ended,
    stop,
    /** Asks politely, and after 5 s no more. */
    async [Symbol.asyncDispose]() {
      const insist = setTimeout(killNow, 5000);
      await stop('SIGTERM');
      clearTimeout(insist);
    },
  };
};

/** The last lines of a log, for a failure's message. */
export const logTail = async (logPath: string, lines: number): Promise<string> => {
  const text = await readFile(logPath, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-lines).join('\n');
};
