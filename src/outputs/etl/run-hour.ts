/** Runs one hour through the ETL in a worker thread: this side reads bytes, the worker parses and writes. */
import { mkdir, rm } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { LogdError } from '../../error.ts';
import { moduleBeside } from '../../threads/module-beside.ts';
import type { EtlCounts, HourEtl } from './hour-etl.ts';
import { loadTables, type RuleOptions } from './load-rules.ts';
import { publishHour, workDirectory } from './publish-hour.ts';

/** What the worker is asked for, and answers. Chunks are taken one at a time: the next is sent when one is done. */
export type ToWorker = { readonly kind: 'chunk'; readonly bytes: Uint8Array } | { readonly kind: 'end' };
export type FromWorker =
  { readonly kind: 'taken' } | ({ readonly kind: 'done' } & ReturnType<HourEtl['end']>);

type WorkerRun = Extract<FromWorker, { kind: 'done' }>;

export interface WorkerTask {
  readonly options: RuleOptions;
  readonly dir: string;
  readonly part: string;
}

export interface HourResult {
  readonly counts: EtlCounts;
  /** Below the output directory. */
  readonly files: readonly string[];
}

/** Parses `bytes` by the options and puts what comes of it below `dir`, replacing what an earlier run of the part left. */
export const runHour = async (
  options: RuleOptions,
  { dir, part, seal }: { readonly dir: string; readonly part: string; readonly seal?: string },
  bytes: AsyncIterable<Buffer>,
  signal?: AbortSignal,
): Promise<HourResult> => {
  const work = workDirectory(dir, part);
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  const task: WorkerTask = { options, dir: work, part };
  const run = await runInWorker(task, bytes, signal);
  const files = await publishHour(dir, part, { form: options.form, tables: loadTables(options) }, run, seal);
  return { counts: run.counts, files };
};

/** The worker's memory is free again when this resolves: Parquet needs some. */
const runInWorker = async (
  task: WorkerTask,
  bytes: AsyncIterable<Buffer>,
  signal: AbortSignal | undefined,
): Promise<WorkerRun> => {
  const worker = new Worker(moduleBeside(import.meta.url, 'worker'), { workerData: task });
  try {
    return await feed(worker, bytes, signal);
  } finally {
    await worker.terminate();
  }
};

const feed = async (
  worker: Worker,
  bytes: AsyncIterable<Buffer>,
  signal: AbortSignal | undefined,
): Promise<WorkerRun> => {
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  worker.on('error', failed.reject);
  worker.on('exit', (code) =>
    failed.reject(new LogdError('storage', `The ETL worker ended (${code}).`, { retryable: true })),
  );
  const ask = (message: ToWorker): Promise<FromWorker> => {
    const answer = new Promise<FromWorker>((resolve) => worker.once('message', resolve));
    worker.postMessage(message);
    return Promise.race([answer, failed.promise]);
  };
  for await (const chunk of bytes) {
    signal?.throwIfAborted();
    await ask({ kind: 'chunk', bytes: chunk });
  }
  const answer = await ask({ kind: 'end' });
  if (answer.kind !== 'done')
    throw new LogdError('corrupt', 'The ETL worker gave no account.', { retryable: true });
  return answer;
};
