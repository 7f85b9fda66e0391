/**
 * A thread that owns one SQLite database, and the typed way to call it. Disk and SQL stay off the event loop.
 *
 * - A write's promise resolves only once its transaction is durable; writes that are queued together share one (group commit).
 * - Calls are answered in order, except that the reads of a group run after its writes: a read sees every write that was called before it.
 * - Callers await their calls and so bound the queue themselves; {@link DatabaseThreadOptions.queueLimit} stops one that does not.
 * - A thread that dies rejects everything that waits for it, and says so in {@link DatabaseThread.ended}.
 */
import { Worker } from 'node:worker_threads';
import { moduleBeside } from '../threads/module-beside.ts';
import { LogdError, messageOf } from '../error.ts';
import { fromFailure } from './failure.ts';
import type { WriteAnswer, Call } from './group-commit.ts';
import type { CommitFaults, Linger, Operations } from './operations.ts';
import type { ToOwner, WorkerCalls, WorkerInput } from './worker.ts';

export interface DatabaseThreadOptions {
  /** The module that exports a `DatabaseModule`; see {@link moduleBeside}. */
  readonly module: URL;
  /** Of the database file. Created with its directory where it is not there, unless `readOnly`. */
  readonly path: string;
  readonly readOnly?: boolean | undefined;
  /** Lets groups gather: see {@link Linger}. Without it a write is committed as soon as the thread is free. */
  readonly linger?: Linger | undefined;
  readonly faults?: CommitFaults | undefined;
  /** Calls above this many unanswered ones are rejected with `limit` (retryable). Default 16384. */
  readonly queueLimit?: number | undefined;
}

type Reads<Api extends Operations> = keyof Api['reads'] & string;
type Writes<Api extends Operations> = keyof Api['writes'] & string;

export interface Counters {
  /** Transactions that writes were grouped into. */
  readonly transactions: number;
  /** Writes that were answered, well or not. */
  readonly writes: number;
}

/** `Api` is what the module's `open` returns. Calls reject with LogdErrors: the operation's own, or `storage`, `limit`, `closed`. */
export interface DatabaseThread<Api extends Operations> extends AsyncDisposable {
  read<Name extends Reads<Api>>(
    name: Name,
    ...args: Parameters<Api['reads'][Name]>
  ): Promise<ReturnType<Api['reads'][Name]>>;
  write<Name extends Writes<Api>>(
    name: Name,
    ...args: Parameters<Api['writes'][Name]>
  ): Promise<ReturnType<Api['writes'][Name]>>;
  counters(): Counters;
  /** Resolves when the thread has ended: with undefined after disposal, with the reason when it died. Never rejects. */
  readonly ended: Promise<LogdError | undefined>;
}

interface WaitingCall {
  readonly kind: Call['kind'];
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: LogdError) => void;
}

/** Calls that wait for others are posted when there are so many: a message is copied in one go. */
const MOST_HELD = 256;

/** Statements, caches and one group of calls need a few MiB; a leak ends the thread instead of the machine. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 16 };

/** Starts the thread and opens the database; rejects with `storage` where that fails. */
export const openDatabaseThread = async <Api extends Operations>(
  options: DatabaseThreadOptions,
): Promise<DatabaseThread<Api>> => {
  const { path, queueLimit = 16_384 } = options;
  const workerInput: WorkerInput = {
    module: options.module.href,
    path,
    readOnly: options.readOnly ?? false,
    faults: options.faults,
  };
  const worker = new Worker(moduleBeside(import.meta.url, 'worker'), {
    name: 'database',
    workerData: workerInput,
    resourceLimits: RESOURCE_LIMITS,
    // Flags of the process, such as --input-type or --inspect-brk, are not meant for this thread.
    execArgv: [],
  });
  const waiting = new Map<number, WaitingCall>();
  /** Called, and not posted yet: see {@link Linger}. */
  let held: Call[] = [];
  let holding: NodeJS.Timeout | undefined;
  const opened = Promise.withResolvers<void>();
  let lastId = 0;
  let counters: Counters = { transactions: 0, writes: 0 };
  /** Why no more calls are taken. */
  let over: LogdError | undefined;
  let closing: Promise<LogdError | undefined> | undefined;

  const settle = (answer: WriteAnswer): void => {
    const call = waiting.get(answer.id);
    if (call === undefined) return;
    waiting.delete(answer.id);
    if (call.kind === 'write') counters = { ...counters, writes: counters.writes + 1 };
    if (answer.failure === undefined) call.resolve(answer.value);
    else call.reject(fromFailure(answer.failure));
  };
  const post = (): void => {
    clearTimeout(holding);
    holding = undefined;
    const message: WorkerCalls = held;
    held = [];
    if (message.length > 0) worker.postMessage(message);
  };
  const failAll = (error: LogdError): void => {
    over ??= error;
    held = [];
    opened.reject(over);
    for (const call of waiting.values()) call.reject(over);
    waiting.clear();
  };

  worker.on('message', (message: ToOwner) => {
    if (message.kind === 'ready') opened.resolve();
    else if (message.kind === 'failed') failAll(fromFailure(message.failure));
    else {
      if (message.committed) counters = { ...counters, transactions: counters.transactions + 1 };
      message.answers.forEach(settle);
      // An idle thread does not keep the process alive; a call that is waited for does.
      if (waiting.size === 0 && closing === undefined) worker.unref();
    }
  });
  const died = (why: string): LogdError =>
    new LogdError('storage', `The thread of the database ${path} died: ${why}. Restart the node.`);
  worker.on('error', (error) => failAll(died(messageOf(error))));
  const ended = new Promise<LogdError | undefined>((resolve) => {
    worker.once('exit', (code) => {
      if (closing === undefined || waiting.size > 0) failAll(died(`exit code ${code}`));
      resolve(over?.code === 'closed' ? undefined : over);
    });
  });

  const call = (kind: Call['kind'], name: string, args: readonly unknown[]): Promise<unknown> => {
    if (over !== undefined) return Promise.reject(over);
    if (waiting.size >= queueLimit)
      return Promise.reject(
        new LogdError('limit', `More than ${queueLimit} calls wait for the database ${path}: await them.`, {
          retryable: true,
        }),
      );
    const id = ++lastId;
    return new Promise((resolve, reject) => {
      held.push({ id, kind, name, args });
      const { linger } = options;
      if (linger?.writes.includes(name) !== true || held.length >= MOST_HELD) post();
      else holding ??= setTimeout(post, linger.ms);
      if (waiting.size === 0) worker.ref();
      waiting.set(id, { kind, resolve, reject });
    });
  };

  await opened.promise;
  worker.unref();
  return {
    read: (name, ...args) => call('read', name, args) as never,
    write: (name, ...args) => call('write', name, args) as never,
    counters: () => counters,
    ended,
    [Symbol.asyncDispose]: async () => {
      if (closing === undefined) {
        over ??= new LogdError('closed', `The database ${path} is closed.`);
        worker.ref();
        post();
        const message: WorkerCalls = 'close';
        worker.postMessage(message);
        closing = ended;
      }
      await closing;
    },
  };
};
