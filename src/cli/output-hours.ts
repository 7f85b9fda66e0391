/** `logd status --outputs`: for every output and hour, what became of the lines. */
import { selectionOf, type Selection } from './selection.ts';
import { openSinkLedger, readSinkOutputs } from './configured-outputs.ts';
import type { DeliveryProgress } from '../report/output-progress.ts';
import { type Column, formatCount, painter, table, widthOf } from '../text/terminal.ts';

interface HourRow extends DeliveryProgress {
  readonly output: string;
}

const NEWEST = 200;

const COLUMNS: readonly Column<HourRow>[] = [
  { title: 'OUTPUT', importance: 9, cell: ({ output }) => output },
  { title: 'HOST', importance: 8, cell: ({ segment }) => segment.host },
  { title: 'STREAM', importance: 8, cell: ({ segment }) => segment.stream },
  { title: 'HOUR', importance: 9, cell: ({ segment }) => segment.hour },
  { title: 'STATE', cell: ({ segment }) => segment.state },
  { title: 'LINES', importance: 5, align: 'right', cell: ({ segment }) => formatCount(segment.lines) },
  {
    title: 'DELIVERED',
    importance: 7,
    align: 'right',
    cell: ({ delivery }) => formatCount(delivery.delivered),
  },
  { title: 'SKIPPED', importance: 4, align: 'right', cell: ({ delivery }) => formatCount(delivery.dropped) },
  {
    title: 'REJECTED',
    importance: 6,
    align: 'right',
    cell: ({ delivery }) => formatCount(delivery.rejected),
  },
  { title: 'BEHIND', importance: 6, align: 'right', cell: ({ lagPacks }) => formatCount(lagPacks) },
];

const jsonOf = ({ output, segment, delivery, lagPacks, lagLines }: HourRow) => ({
  ...{ output, host: segment.host, stream: segment.stream, hour: segment.hour, state: segment.state },
  ...{
    lines: segment.lines,
    delivered: delivery.delivered,
    skipped: delivery.dropped,
    rejected: delivery.rejected,
  },
  ...{ lagPacks, lagLines, attempts: delivery.attempts, error: delivery.error, stuck: delivery.stuck },
});

/** Prints them; returns whether every output has everything of the selected hours. */
export const showOutputHours = async (
  config: string,
  options: Selection & { readonly json?: true; readonly all?: true },
): Promise<boolean> => {
  const { progressOf } = await import('../report/output-progress.ts');
  const outputs = await readSinkOutputs(config);
  await using ledger = await openSinkLedger(outputs, 'look');
  const rows: HourRow[] = [];
  let isBehind = false;
  for (const record of await ledger.outputs()) {
    const known = outputs.known.find(({ name }) => name === record.name);
    if (known === undefined) continue;
    for await (const progress of progressOf(ledger, record, known, selectionOf(options))) {
      isBehind ||= progress.lagPacks > 0;
      rows.push({ ...progress, output: record.name });
      if (!options.all && !options.json && rows.length > NEWEST) rows.shift();
    }
  }
  const { stdout } = process;
  if (options.json) stdout.write(`${JSON.stringify({ deliveries: rows.map(jsonOf) }, undefined, 2)}\n`);
  else if (rows.length === 0) stdout.write('No output has anything to deliver of the selected hours.\n');
  else stdout.write(`${table(rows, COLUMNS, widthOf(stdout), painter(stdout)).join('\n')}\n`);
  return !isBehind;
};
