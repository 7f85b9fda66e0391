/** `logd repair`: restores a stored hour from a file with the same content, and says what came of it. */
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { LogdError } from '../error.ts';
import { segmentName } from '../pack/pack.ts';
import { systemClock } from '../telemetry/clock.ts';
import { configOption } from './config-file.ts';
import { openSinkLedger, readSinkOutputs } from './configured-outputs.ts';
import { EXIT } from './exit-codes.ts';
import { parseHour, parseName } from './selection.ts';

const LOOK_MS = 250;

interface RestoreFlags {
  readonly config: string;
  readonly from?: string;
  readonly wait?: true;
  readonly json?: true;
}

const repair = async (
  [host, stream, hour, ...more]: readonly string[],
  { config, from, wait, json }: RestoreFlags,
): Promise<void> => {
  if (host === undefined || stream === undefined || hour === undefined || more.length > 0)
    throw new LogdError('usage', 'Name a host, a stream and an hour: logd repair web1 access 2026112216.');
  const key = { host: parseName(host), stream: parseName(stream), hour: parseHour(hour) };
  await using ledger = await openSinkLedger(await readSinkOutputs(config), 'change');
  if ((await ledger.segment(key)) === undefined)
    throw new LogdError('usage', `The ledger does not have ${segmentName(key)}: nothing of it was stored.`);
  await ledger.requestRepull(key, [], systemClock.now(), from === undefined ? undefined : resolve(from));
  if (!wait) {
    if (json) return void process.stdout.write(`${JSON.stringify(await ledger.repull(key))}\n`);
    return void process.stdout.write(
      `The sink compares ${from ?? 'the stored file'} with what was stored of ${segmentName(key)}. ` +
        '`logd repull` shows what came of it. A stopped sink does it when it starts.\n',
    );
  }
  let found = await ledger.repull(key);
  for (; found?.state === 'waiting'; found = await ledger.repull(key)) await sleep(LOOK_MS);
  process.stdout.write(
    `${json ? JSON.stringify(found) : `${segmentName(key)} ${found?.state}: ${found?.note ?? ''}`}\n`,
  );
  process.exitCode = found?.state === 'done' ? EXIT.ok : EXIT.failed;
};

export const repairCommand = (): Command =>
  new Command('repair')
    .description('Restore a stored hour from a file with the same content.')
    .argument(
      '<hour...>',
      'host, stream and hour: web1 access 2026112216, or a day where the stream has one segment a day',
    )
    .addOption(configOption())
    .option(
      '--from <file>',
      'a file at the sink: the source, a backup, plain or compressed with zstd or gzip',
    )
    .option('--wait', 'wait until it is done or refused')
    .option('--json', 'one JSON document')
    .addHelpText(
      'after',
      `
The sink compares the content of the file with every pack that it recorded, and with the SHA-256 of the seal. Only when they are equal,
a new stored file is written from it and put in place; the file itself is only read, and may go on after the hour's bytes. Anything else
changes nothing. How the file is compressed does not matter. Without --from, the file that lies in the hour's place is compared, and what
is damaged or missing in it is asked for again from the agent, as by \`logd repull\`. An hour that was refused is proven again.

Examples:
  logd repair web1 access 2026112216 --from /backup/access.log.2026112216.gz --wait -c sink.yaml
  logd repair web1 access 2026112216 --wait -c sink.yaml

Exit codes:
  0  asked; with --wait: the hour is stored as it was recorded
  1  with --wait: the file has other content, and nothing was changed; or the ledger cannot be read or written
  2  the command line or the configuration is wrong`,
    )
    .action(repair);
