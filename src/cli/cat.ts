/** `logd cat`: prints the lines of an hour, or of all hours of a day, as they were sealed, whatever the compression. */
import { once } from 'node:events';
import { Command } from 'commander';
import { LogdError } from '../error.ts';
import type { SegmentRecord } from '../ledger/ledger.ts';
import { segmentName } from '../pack/pack.ts';
import { configOption, readConfig } from './config-file.ts';
import { EXIT } from './exit-codes.ts';
import { parseHour, parseName } from './selection.ts';

interface CatOptions {
  readonly config: string;
  readonly open?: true;
}

const print = async (bytes: Buffer): Promise<void> => {
  // The store may use the memory again.
  if (!process.stdout.write(Buffer.from(bytes))) await once(process.stdout, 'drain');
};

/** The hour itself; of a day, its hours, or the day where the stream has one segment a day. */
const belongsTo = (hour: string, { hour: label }: SegmentRecord): boolean =>
  hour.length === 8 ? label.startsWith(hour) : label === hour;

const cat = async (host: string, stream: string, hour: string, { config: file, open }: CatOptions) => {
  const { sink } = await readConfig(file);
  if (sink === undefined)
    throw new LogdError('usage', `${file} has no sink, so it stores nothing: name the sink's configuration.`);
  const { openLedger } = await import('../ledger/registry.ts');
  const { recordedSegment } = await import('../ledger/recorded.ts');
  const { selectSegments } = await import('../ledger/walk.ts');
  const { viewStore } = await import('../stores/registry.ts');
  await using ledger = await openLedger(sink.ledger, 'look');
  const store = await viewStore(sink.store);
  let found = 0;
  for await (const segment of selectSegments(ledger, { host, stream, hour })) {
    if (!belongsTo(hour, segment)) continue;
    found++;
    const { state, reason } = segment;
    if (state !== 'sealed' && open !== true)
      throw new LogdError(
        'storage',
        `${segmentName(segment)} is not sealed: ${reason ?? `it is ${state}.`} With --open what is here of it is printed.`,
      );
    for await (const bytes of store.read(recordedSegment(ledger, segment))) await print(bytes);
    if (state === 'sealed') continue;
    process.stderr.write(`logd: ${segmentName(segment)} is ${state}: this may be a part of it.\n`);
    process.exitCode = EXIT.failed;
  }
  if (found === 0) throw new LogdError('storage', `The ledger has no ${host}/${stream}/${hour}.`);
};

export const catCommand = (): Command =>
  new Command('cat')
    .description('Print the lines of an hour, or of a day, whatever the compression of the store.')
    .argument('<host>', 'as in `logd status`', parseName)
    .argument('<stream>', 'as in `logd status`', parseName)
    .argument('<hour>', 'such as 2026112216, or 20261122 for all hours of a day', parseHour)
    .addOption(configOption())
    .option('--open', 'also what is here of hours that are not sealed')
    .addHelpText(
      'after',
      `
Examples:
  logd cat web1 access 2026112216 -c sink.yaml | grep ' 500 '
  logd cat web1 access 20261122 -c sink.yaml | wc -l
  logd cat web1 access 2026112216 -c sink.yaml --open | tail

Each pack is checked as it is read. Stored hours with "compression: zstd" are many zstd frames, of which some readers
take the first alone, without an error: see docs/reading.md.

Exit codes:
  0  printed, and every hour is sealed
  1  there is no such hour, it is not sealed, its file cannot be read, or the output cannot be written
  2  the command line or the configuration is wrong`,
    )
    .action(cat);
