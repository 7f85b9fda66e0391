/** `logd etl`: lines into typed, partitioned columns. */
import { Command } from 'commander';
import { etlRunCommand } from './etl-run.ts';
import { etlTestCommand } from './etl-test.ts';

const columnsCommand = (): Command =>
  new Command('columns')
    .description('Convert a column map between YAML and the JSON of the Go system.')
    .argument('<file>', 'column map to read')
    .option('--go', 'print the JSON of the Go system; without it YAML')
    .addHelpText(
      'after',
      '\nExamples:\n  logd etl columns colsmap.json > columns.yaml\n  logd etl columns --go columns.yaml',
    )
    .action(async (file: string, { go }: { readonly go?: boolean }) => {
      const { readTables } = await import('../outputs/etl/load-rules.ts');
      const { toGoMap } = await import('../outputs/etl/columns.ts');
      const { stringify } = await import('yaml');
      const tables = readTables(file);
      const map = Object.fromEntries(tables.map(({ name, ...rest }) => [name, rest]));
      process.stdout.write(go === true ? `${JSON.stringify(toGoMap(tables), null, 2)}\n` : stringify(map));
    });

export const etlCommand = (): Command =>
  new Command('etl')
    .description('Lines into typed, partitioned columns.')
    .addHelpText(
      'after',
      `
Examples:
  logd etl run --input access.log --form parquet
  logd etl run -c sink.yaml --hours 20261122
  logd etl test --sample access.log
  logd etl columns --go columns.yaml > colsmap.json

Exit codes:
  0  done
  1  something could not be read or written; of test: lines were rejected
  2  the command line, a list or the column map is wrong`,
    )
    .addCommand(etlRunCommand())
    .addCommand(etlTestCommand())
    .addCommand(columnsCommand());
