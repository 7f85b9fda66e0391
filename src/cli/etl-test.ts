/** `logd etl test`: shows what becomes of the first lines of a file. */
import { Command } from 'commander';
import { LogdError } from '../error.ts';
import { type EtlFlags, firstLines, formatFor, formOption, ruleFlags, rulesOf } from './etl-flags.ts';
import { EXIT } from './exit-codes.ts';

const testEtl = async (flags: EtlFlags): Promise<void> => {
  if (flags.sample === undefined) throw new LogdError('usage', 'Name a file with --sample.');
  const lines = await firstLines(flags.sample);
  const format = await formatFor(flags, lines);
  const { loadRules } = await import('../outputs/etl/load-rules.ts');
  const { rowOf, plainText } = await import('../outputs/etl/row.ts');
  const { painter } = await import('../text/terminal.ts');
  const { printable } = await import('../telemetry/printable.ts');
  const paint = painter(process.stdout);
  const rules = loadRules(rulesOf(flags, format));
  let rejected = 0;
  for (const line of lines.slice(0, Number(flags.lines))) {
    process.stdout.write(`${paint('dim', printable(line.toString('utf8')))}\n`);
    const parsed = rules.format.read(line);
    if ('reason' in parsed) {
      rejected++;
      process.stdout.write(`  ${paint('red', 'rejected')}: ${printable(parsed.reason)}\n\n`);
      continue;
    }
    const value = rowOf(parsed.fields, rules.derivations);
    const table = rules.tables.find(({ isWanted }) => isWanted((column) => plainText(value(column))));
    process.stdout.write(`  ${paint('bold', 'table')} ${table?.name ?? '(none: dropped)'}\n`);
    for (const column of [...(table?.partitions ?? []), ...(table?.columns ?? [])])
      process.stdout.write(
        `  ${paint('cyan', column || '(empty)')} ${printable(plainText(value(column)))}\n`,
      );
    process.stdout.write('\n');
  }
  if (rejected > 0) process.exitCode = EXIT.failed;
};

export const etlTestCommand = (): Command =>
  ruleFlags(new Command('test'))
    .description('Show what becomes of the first lines of a file.')
    .option('--sample <file>', 'file to look at')
    .option('--lines <n>', 'how many lines to show', '5')
    .addOption(formOption().hideHelp())
    .addHelpText(
      'after',
      `
Examples:
  logd etl test --sample access.log
  logd etl test --sample access.log --columns colsmap.json --lines 20

Exit codes:
  0  every line was read
  1  some were rejected`,
    )
    .action((flags: EtlFlags) => testEtl(flags));
