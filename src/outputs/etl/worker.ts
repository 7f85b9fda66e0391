/** The worker thread of the ETL: takes chunks of an hour, answers when each is done, and with the account at the end. */
import { parentPort, workerData } from 'node:worker_threads';
import { hourEtl } from './hour-etl.ts';
import { loadRules } from './load-rules.ts';
import type { FromWorker, ToWorker, WorkerTask } from './run-hour.ts';

const { options, dir, part } = workerData as WorkerTask;
const etl = hourEtl(loadRules(options), dir, part);

const answer = (message: ToWorker): FromWorker => {
  if (message.kind === 'end') return { kind: 'done', ...etl.end() };
  etl.push(Buffer.from(message.bytes.buffer, message.bytes.byteOffset, message.bytes.byteLength));
  return { kind: 'taken' };
};

parentPort?.on('message', (message: ToWorker) => parentPort?.postMessage(answer(message)));
