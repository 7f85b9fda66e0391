/** The demo's nodes: which of them run, and killing and starting them again. */
import { fileURLToPath } from 'node:url';
import { LogdError } from '../error.ts';
import { type Child, logTail, startChild } from './child.ts';
import { demoPaths } from './plan.ts';
import type { NodeView } from './screen.ts';

const LOG_LINES = 12;
/** Those that agents need until they have ended. */
const LAST: readonly string[] = ['sink', 'monitor'];

export interface Cast extends AsyncDisposable {
  /** Starts a node of the plan, or starts it again. Returns its process id. */
  start(name: string): Promise<number>;
  /** SIGKILL: what a power cut or the OOM killer does. Returns the process id that was. */
  kill(name: string): Promise<number>;
  /** In the order in which they were first started. */
  nodes(): NodeView[];
}

/** `onTrouble` is called when a node ends that nobody has killed. */
export const gatherCast = (dir: string, main: URL, onTrouble: (error: LogdError) => void): Cast => {
  const paths = demoPaths(dir);
  const running = new Map<string, Child | undefined>();

  /** Only a node that is still meant to run is in the map when it ends. */
  const watch = async (child: Child): Promise<void> => {
    const end = await child.ended;
    if (running.get(child.name) !== child) return;
    running.set(child.name, undefined);
    onTrouble(await endedError(child, end));
  };
  const take = (name: string): Child => {
    const child = running.get(name);
    if (!child) throw new LogdError('closed', `${name} is not running.`);
    running.set(name, undefined);
    return child;
  };

  return {
    async start(name) {
      const args = [fileURLToPath(main), 'run', '-c', paths.config(name)];
      const child = await startChild(name, args, paths.log(name));
      running.set(name, child);
      void watch(child);
      return child.pid;
    },
    async kill(name) {
      const child = take(name);
      await child.stop('SIGKILL');
      return child.pid;
    },
    nodes: () => [...running].map(([name, child]) => ({ name, pid: child?.pid })),
    /** Agents first, so that what they have in flight still reaches the sink. */
    async [Symbol.asyncDispose]() {
      const children = [...running.keys()].filter((name) => running.get(name)).map(take);
      await Promise.all(
        children.filter(({ name }) => !LAST.includes(name)).map((child) => child[Symbol.asyncDispose]()),
      );
      for (const last of LAST) await children.find(({ name }) => name === last)?.[Symbol.asyncDispose]();
    },
  };
};

/** What a child's early end is reported as: how it ended, and what it said last. */
export const endedError = async (child: Child, end: string): Promise<LogdError> =>
  new LogdError(
    'closed',
    `${child.name} ended by itself (${end}). The end of its log, ${child.logPath}:\n${await logTail(child.logPath, LOG_LINES)}`,
  );
