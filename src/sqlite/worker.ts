/**
 * The database thread: owns one database, takes whatever calls are queued, commits their writes together, answers.
 *
 * Messages in: calls, or `close`. Messages out: one {@link ToOwner} `ready` or `failed`, then `answers` for each group.
 * Of a group that went into files which are not at their paths any more, or whose COMMIT is in doubt, nothing is answered: `failed`,
 * and the thread ends.
 * While a group commits, the next one gathers in the port's queue: the slower the disk, the larger the groups.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { LogdError } from '../error.ts';
import { databaseError, toFailure } from './failure.ts';
import type { Failure } from './failure.ts';
import { type Displaced, watchFiles } from './files-in-place.ts';
import { callRunner } from './group-commit.ts';
import type { WriteAnswer, Call, CallRunner, Lookup } from './group-commit.ts';
import { openDatabase } from './open-database.ts';
import { isDatabaseModule } from './operations.ts';
import type { CommitFaults, Operations } from './operations.ts';

/** What the owner hands over at the start. */
export interface WorkerInput {
  readonly module: string;
  readonly path: string;
  readonly readOnly: boolean;
  readonly faults?: CommitFaults | undefined;
}

export type WorkerCalls = readonly Call[] | 'close';

export type ToOwner =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'answers'; readonly answers: readonly WriteAnswer[]; readonly committed: boolean };

/** About so many calls make a group: bounds the time that the first one waits, and the memory of its answers. */
const GROUP_CALLS = 1_024;

const open = async (
  input: WorkerInput,
): Promise<{ readonly runner: CallRunner; readonly displaced: Displaced; readonly close: () => void }> => {
  const module: unknown = await import(input.module);
  if (!isDatabaseModule(module)) throw new Error(`${input.module} exports no schema and open()`);
  const asLogdError = (error: unknown): LogdError =>
    databaseError(error, input.path, module.schema.ifDamaged);
  try {
    const db = openDatabase(input.path, module.schema, input);
    const runner = callRunner(db, asLogdError, lookupIn(module.open(db)), input.faults);
    const displaced = input.readOnly ? () => undefined : watchFiles(input.path, module.schema.title);
    return { runner, displaced, close: () => db.close() };
  } catch (error) {
    throw asLogdError(error);
  }
};

const lookupIn =
  (operations: Operations): Lookup =>
  (call) => {
    const operation = (call.kind === 'write' ? operations.writes : operations.reads)[call.name];
    if (operation === undefined)
      throw new LogdError('usage', `The database has no ${call.kind} named ${call.name}.`);
    return operation;
  };

/** The first message and all that are queued behind it, up to a `close`. */
const gather = (
  first: WorkerCalls,
  port: MessagePort,
): { readonly calls: Call[]; readonly closing: boolean } => {
  const calls: Call[] = [];
  let message: WorkerCalls | undefined = first;
  while (message !== undefined && message !== 'close') {
    calls.push(...message);
    if (calls.length >= GROUP_CALLS) return { calls, closing: false };
    const queued: { message: WorkerCalls } | undefined = receiveMessageOnPort(port);
    message = queued?.message;
  }
  return { calls, closing: message === 'close' };
};

const serve = async (port: MessagePort, input: WorkerInput): Promise<void> => {
  const post = (message: ToOwner): void => port.postMessage(message);
  const { runner, displaced, close } = await open(input);
  const outcomeOf = (answers: readonly WriteAnswer[] | LogdError): readonly WriteAnswer[] | LogdError =>
    answers instanceof LogdError
      ? new LogdError(
          'storage',
          `${answers.message} The last writes may or may not be on the disk. Restart the node, which reads what is there.`,
          { cause: answers },
        )
      : (displaced() ?? answers);
  /** A message that was on its way when the database was closed finds nothing: its calls fail with the reason that was posted. */
  let isClosed = false;
  port.on('message', (first: WorkerCalls) => {
    if (isClosed) return;
    const { calls, closing } = gather(first, port);
    const writes = calls.filter((call) => call.kind === 'write');
    if (writes.length > 0) {
      const answers = outcomeOf(runner.commit(writes));
      if (answers instanceof LogdError) {
        // Closing brings what is in a -wal file without a name into the database, where that has still its own.
        isClosed = true;
        close();
        post({ kind: 'failed', failure: toFailure(answers) });
        port.close();
        return;
      }
      post({ kind: 'answers', answers, committed: true });
    }
    const reads = calls.filter((call) => call.kind === 'read');
    if (reads.length > 0)
      post({ kind: 'answers', answers: reads.map((call) => runner.read(call)), committed: false });
    if (!closing) return;
    isClosed = true;
    close();
    port.close();
  });
  post({ kind: 'ready' });
};

if (parentPort !== null) {
  const port = parentPort;
  const input = workerData as WorkerInput;
  serve(port, input).catch((error: unknown) => {
    const message: ToOwner = { kind: 'failed', failure: toFailure(databaseError(error, input.path)) };
    port.postMessage(message);
    port.close();
  });
}
