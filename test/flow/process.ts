/** Real logd processes: started as a person would start them, watched through their log lines, killed by their pid. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { EventName } from '../../src/telemetry/events.ts';

export const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** The lines that are shown of each node when a test fails. */
const TAIL_LINES = 30;

/** Kept by the process of the test file, so that only the first start of a node compiles anything. */
const compileCache = mkdtempSync(join(tmpdir(), 'logd-flow-cache-'));
process.once('exit', () => rmSync(compileCache, { recursive: true, force: true }));

export interface LogEvent {
  readonly event: EventName;
  readonly level: string;
  readonly message: string;
  readonly [field: string]: string | number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface NodeProcess extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  /** What it has logged so far. */
  readonly events: readonly LogEvent[];
  /** Undefined while it runs. */
  readonly exit: Exit | undefined;
  readonly ended: Promise<Exit>;
  /** Resolves with the first event of that name, past or to come; rejects when the process ends without it. */
  event(name: EventName, matches?: (event: LogEvent) => boolean): Promise<LogEvent>;
  signal(signal: NodeJS.Signals): void;
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<Exit>;
  /** The end of its log. */
  tail(): string;
}

export interface StartOptions {
  readonly name: string;
  readonly config: string;
  /** `LOGD_FAULT`. */
  readonly fault?: string | undefined;
  readonly signal: AbortSignal;
  /** The most files that it may have open: `ulimit -n`. */
  readonly mostFiles?: number;
}

const environment = (fault: string | undefined): NodeJS.ProcessEnv => ({
  ...process.env,
  NODE_COMPILE_CACHE: compileCache,
  LOGD_FAULT: fault ?? '',
});

const parse = (line: string): LogEvent | undefined => {
  try {
    return JSON.parse(line) as LogEvent;
  } catch {
    return undefined;
  }
};

/** `logd run`. It cannot outlive this process, and disposing of it is kill -9. */
export const startLogd = ({ name, config, fault, signal, mostFiles }: StartOptions): NodeProcess => {
  const run = [process.execPath, MAIN, 'run', '-c', config];
  const limited =
    mostFiles === undefined ? run : ['sh', '-c', `ulimit -n ${mostFiles}; exec "$@"`, 'sh', ...run];
  const child = spawn(limited[0]!, limited.slice(1), {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: environment(fault),
  });
  const killNow = (): void => void child.kill('SIGKILL');
  process.once('exit', killNow);
  const events: LogEvent[] = [];
  const lines: string[] = [];
  let listeners: ((event: LogEvent) => void)[] = [];
  let exit: Exit | undefined;
  createInterface({ input: child.stderr }).on('line', (line) => {
    lines.push(line);
    const event = parse(line);
    if (event === undefined) return;
    events.push(event);
    for (const listener of listeners) listener(event);
  });
  // `close`, not `exit`: by then everything that it has logged is read.
  const ended = new Promise<Exit>((resolve) =>
    child.once('close', (code, by) => {
      process.off('exit', killNow);
      resolve((exit = { code, signal: by }));
    }),
  );
  const tail = (): string =>
    `--- ${name} (${child.pid}, ${exit === undefined ? 'running' : (exit.signal ?? `exit code ${exit.code}`)}, ` +
    `LOGD_FAULT=${fault ?? ''}):\n${lines.slice(-TAIL_LINES).join('\n')}`;
  const end = (how: NodeJS.Signals): Promise<Exit> => {
    if (exit === undefined) child.kill(how);
    return ended;
  };
  return {
    name,
    pid: child.pid!,
    events,
    get exit() {
      return exit;
    },
    ended,
    event: (wanted, matches = () => true) =>
      new Promise((resolve, reject) => {
        const fits = (event: LogEvent): boolean => event.event === wanted && matches(event);
        const past = events.find(fits);
        if (past !== undefined) return resolve(past);
        const listener = (event: LogEvent): void => {
          if (!fits(event)) return;
          stop();
          resolve(event);
        };
        const stop = (): void => {
          listeners = listeners.filter((other) => other !== listener);
          signal.removeEventListener('abort', giveUp);
        };
        const giveUp = (): void => reject(new Error(`${name} did not say ${wanted} in time.`));
        listeners.push(listener);
        signal.addEventListener('abort', giveUp, { once: true });
        void ended.then(() => {
          stop();
          reject(new Error(`${name} ended without ${wanted}.`));
        });
      }),
    signal: (which) => void child.kill(which),
    end,
    tail,
    async [Symbol.asyncDispose]() {
      await end('SIGKILL');
    },
  };
};

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Any program to its end. */
export const runProgram = (command: string, args: readonly string[]): Promise<CommandResult> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: environment(undefined),
    });
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.once('error', reject);
    child.once('close', (code) =>
      resolve({ code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }),
    );
  });

/** A logd command to its end. */
export const runLogd = (args: readonly string[]): Promise<CommandResult> =>
  runProgram(process.execPath, [MAIN, ...args]);
