/**
 * The agent's marks, off the event loop. What they hold and promise: {@link file://./marks-database.ts}.
 */
import { join } from 'node:path';
import { LogdError } from '../error.ts';
import { type DatabaseThread, openDatabaseThread } from '../sqlite/database-thread.ts';
import { moduleBeside } from '../threads/module-beside.ts';
import type { open } from './marks-database.ts';

/** Packs come every few milliseconds when there are many; a transaction costs as much CPU as compressing a sixth of one. */
const LINGER_MS = 20;

/** The thread; its operations are those that `open` returns. */
export type Marks = DatabaseThread<ReturnType<typeof open>>;

/** Opens the marks of a host in its state directory. Rejects with `config` when they are another host's. */
export const openMarks = async (stateDir: string, host: string): Promise<Marks> => {
  const path = join(stateDir, 'marks.db');
  const marks: Marks = await openDatabaseThread({
    module: moduleBeside(import.meta.url, 'marks-database'),
    path,
    linger: { ms: LINGER_MS, writes: ['record', 'acked'] },
    faults: { beforeCommit: 'marks.before-commit', afterCommit: 'marks.after-commit' },
  });
  const owner = await marks.read('host');
  if (owner === undefined) await marks.write('setHost', host);
  else if (owner !== host) {
    await marks[Symbol.asyncDispose]();
    throw new LogdError(
      'config',
      `The marks in ${path} belong to the host ${owner}, this agent ships for ${host}. Give it another state_dir, or set agent.host to ${owner}.`,
    );
  }
  return marks;
};
