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
  const { shownLine, shownResult } = await import('./etl-sample.ts');
  const { painter } = await import('../text/terminal.ts');
  const paint = painter(process.stdout);
  const rules = loadRules(rulesOf(flags, format));
  let rejected = 0;
  for (const line of lines.slice(0, Number(flags.lines))) {
    const { text, isRejected } = shownResult(line, rules, paint);
    if (isRejected) rejected++;
    process.stdout.write(`${shownLine(line, rules.format, paint)}\n${text}\n`);
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
