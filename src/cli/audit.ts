/** `logd audit`: reads again what the sink stored, and the source files where they are at hand, and holds both against the seals. */
import { Command, Option } from 'commander';
import { LogdError, messageOf } from '../error.ts';
import { systemClock } from '../telemetry/clock.ts';
import type { AuditScope, SegmentAudit } from '../audit/segment.ts';
import type { AgentNode } from '../audit/sources.ts';
import {
  allProven,
  auditJson,
  auditTable,
  count,
  emptyTally,
  showProblem,
  showVerdict,
  type Tally,
  verdictJson,
} from './audit-output.ts';
import { openProgress } from './audit-progress.ts';
import { configOption, readConfig } from './config-file.ts';
import { EXIT } from './exit-codes.ts';
import { type Selection, selectionOf, selectionOptions } from './selection.ts';
import { selectSegments } from '../ledger/walk.ts';
import { painter, widthOf } from '../text/terminal.ts';

/** Rows are held back until there are so many, so that their columns fit each other. */
const ROWS_A_TABLE = 200;

interface AuditOptions extends Selection {
  readonly config: string;
  readonly sources: readonly string[];
  readonly skipOpen?: true;
  readonly open?: true;
  readonly json?: true;
}

export const auditCommand = (): Command =>
  selectionOptions(
    new Command('audit')
      .description(
        'Read again what the sink stored, and the sources where they are at hand, and compare with the seals.',
      )
      .addOption(configOption())
      .addOption(
        new Option(
          '--sources <file>',
          "an agent's configuration: compare the files that it follows, too; may be given several times",
        )
          .default([], 'the agent in -c, if there is one')
          .argParser((file: string, earlier: readonly string[]) => [...earlier, file]),
      ),
  )
    .option('--skip-open', 'do not list the hours that are still open')
    .option('--open', 'open hours count, too: the audit fails while there is one')
    .option('--json', 'one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  logd audit -c sink.yaml
  logd audit -c sink.yaml --sources web1.yaml --sources web2.yaml
  logd audit -c sink.yaml --host web1 --hour 20261122 --json
  logd audit -c sink.yaml --since 7d || mail -s 'logd audit' ops < /dev/null

Compares bytes, lines and SHA-256 of each segment with its seal, and each pack with its checksum, so that a
difference has a place: the pack, the byte range, the file. May run beside the sink.
A source that was rotated away or deleted is "not at hand", and that is no fault; nor is "partly gone": some of an hour's
several files were, and what the others hold is exactly what is sealed. The first hour of a stream with "start: end" is
"identical from byte N on": from there on its file was shipped.

An hour that is still open is listed with a dot and does not count. Whether every hour is sealed is the question of \`logd status --check\`.

Exit codes:
  0  every selected segment that is over is sealed, and stored (and at its source, as far as at hand) exactly as sealed
  1  not so, or nothing is selected, or something cannot be read or written
  2  the command line or a configuration is wrong`,
    )
    .action(async (options: AuditOptions) => {
      const tally = await audit(options);
      process.exitCode = allProven(tally) ? EXIT.ok : EXIT.failed;
    });

const audit = async (options: AuditOptions): Promise<Tally> => {
  const config = await readConfig(options.config);
  if (!config.sink)
    throw new LogdError(
      'usage',
      `${options.config} has no sink, so it stores nothing: name the sink's configuration.`,
    );
  const { openLedger } = await import('../ledger/registry.ts');
  const { viewStore } = await import('../stores/registry.ts');
  const { openShipped } = await import('../audit/shipped.ts');
  const { auditSegment } = await import('../audit/segment.ts');
  const { findSources } = await import('../audit/sources.ts');

  const problems: string[] = [];
  const { agent, state_dir } = config;
  const agents = [...(agent ? [{ agent, state_dir }] : []), ...(await readAgents(options.sources))];
  const sources = await findSources(agents, (path, error) => {
    problems.push(`Cannot look for sources in ${path}: ${messageOf(error)}.`);
  });
  using progress = openProgress(process.stderr, systemClock);
  await using ledger = await openLedger(config.sink.ledger, 'look');
  await using shipped = openShipped(ledger);
  const scope: AuditScope = {
    ...{ ledger, sources, shipped, sink: await viewStore(config.sink.store) },
    storesFiles: config.sink.store.kind === 'file',
    openCounts: options.open === true,
    onBytes: progress.add,
  };
  const report = options.json ? jsonReport() : textReport(progress.clear);
  const tally = emptyTally();
  for await (const segment of selectSegments(ledger, selectionOf(options))) {
    if (options.skipOpen === true && segment.state === 'open') {
      tally.leftOut++;
      continue;
    }
    progress.on(segment);
    const result = await auditSegment(scope, segment);
    count(tally, result);
    report.add(result);
  }
  progress.clear();
  report.end(tally, problems);
  return tally;
};

const readAgents = (files: readonly string[]): Promise<AgentNode[]> =>
  Promise.all(
    files.map(async (file) => {
      const { agent, state_dir } = await readConfig(file);
      if (agent) return { agent, state_dir };
      throw new LogdError(
        'usage',
        `${file} has no agent, so it names no source files: give an agent's configuration.`,
      );
    }),
  );

interface Report {
  add(audit: SegmentAudit): void;
  end(tally: Tally, problems: readonly string[]): void;
}

const textReport = (clearProgress: () => void): Report => {
  const { stdout } = process;
  const paint = painter(stdout);
  let rows: SegmentAudit[] = [];
  const flush = (): void => {
    clearProgress();
    if (rows.length > 0) stdout.write(`${auditTable(rows, widthOf(stdout), paint).join('\n')}\n`);
    if (rows.some(({ notes, remarks }) => notes.length + remarks.length > 0)) stdout.write('\n');
    for (const { notes, remarks } of rows) {
      for (const note of notes) stdout.write(`${showProblem(paint('red', '✗'), note, widthOf(stdout))}\n`);
      for (const remark of remarks)
        stdout.write(`${showProblem(paint('dim', '·'), remark, widthOf(stdout))}\n`);
    }
    rows = [];
  };
  return {
    add(result) {
      if (rows.push(result) >= ROWS_A_TABLE) flush();
    },
    end(tally, problems) {
      flush();
      for (const problem of problems)
        stdout.write(`${showProblem(paint('yellow', '!'), problem, widthOf(stdout))}\n`);
      stdout.write(`\n${showVerdict(tally, widthOf(stdout), paint)}\n`);
    },
  };
};

const jsonReport = (): Report => {
  const { stdout } = process;
  let separator = `{"generated_at":${JSON.stringify(new Date(systemClock.now()).toISOString())},"segments":[\n`;
  return {
    add(result) {
      stdout.write(separator + JSON.stringify(auditJson(result)));
      separator = ',\n';
    },
    end(tally, problems) {
      stdout.write(tally.segments === 0 ? separator : '');
      stdout.write(
        `],\n"problems":${JSON.stringify(problems)},\n"verdict":${JSON.stringify(verdictJson(tally))}}\n`,
      );
    },
  };
};
