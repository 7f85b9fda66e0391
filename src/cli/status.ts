/** `logd status`: which hours of which hosts are complete, from the ledger, also while the sink runs. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { LogdError } from '../error.ts';
import type { AbsentHour, ExpectRules } from '../ledger/expected-set.ts';
import type { OpenLedger } from '../ledger/ledger-kind.ts';
import { expectOption, type Expected, openExpected } from './expected.ts';
import { systemClock } from '../telemetry/clock.ts';
import { configOption } from './config-file.ts';
import { EXIT } from './exit-codes.ts';
import { isNarrow, type Selection, selectionOf, selectionOptions } from './selection.ts';
import { wrap } from '../text/prose.ts';
import { painter, widthOf } from '../text/terminal.ts';

const WATCH_EVERY_MS = 1000;
const DESCRIPTION =
  'Show for every host, stream and hour whether it is complete: open, sealed, gaps, late, absent.';
const CHECK =
  'exit with 1 unless something is selected, all of it is sealed and no expected hour is absent; of a day (--hour 20261122), all of its hours';
const HOME_AND_CLEAR = '\x1b[H\x1b[J';

interface StatusOptions extends Selection, Expected {
  readonly config: string;
  readonly ledger?: string;
  readonly all?: true;
  readonly json?: true;
  readonly watch?: true;
  readonly check?: true;
  readonly outputs?: true;
}

export const statusCommand = (): Command =>
  selectionOptions(
    new Command('status')
      .description(DESCRIPTION)
      .addOption(configOption())
      .option('--ledger <file>', "the sink's ledger itself, instead of a configuration that names it"),
  )
    .option('--all', 'every segment, not only the newest 50')
    .option('--json', 'one JSON document with every selected segment')
    .option('--outputs', 'what each output has delivered, skipped and rejected of each hour')
    .addOption(expectOption())
    .option('--watch', 'show it again every second, until Ctrl-C')
    .option('--check', CHECK)
    .addHelpText(
      'after',
      `
Examples:
  logd status -c sink.yaml
  logd status --ledger /var/lib/logd/ledger.db --host web1 --hour 20261122
  logd status --hour 2026112216 --check && start-the-batch-job
  logd status --hour 2026112216 --check --expect web1,web2
  logd status --since 36h
  logd status --json | jq '.segments[] | select(.state != "sealed")'

States:
  open        packs are still expected
  complete    all packs are here, the digest is not proven yet
  sealed      proven equal to what the agent read; "late" when lines came after the end of the hour
  refused     all packs are here and do not add up to what the agent read
  incomplete  closed with gaps: expired, or bytes lost at the source
  absent      nothing has come, and something must: the host had hours of this stream within expect_within before (7 days by
              default) and is not retired; or logd expect, --expect or sink.expect says so

Columns: PACKS received/expected, GAPS packs missing or lost, FIRST and LAST arrival (local time), LAG from when
the last line was written until it arrived.

Exit codes:
  0  the ledger was read; with --check: all selected segments are sealed, none is
     absent, and a selected day is complete
  1  the ledger cannot be read, or the output not written; with --check: not all are sealed, or none is
     selected
  2  the command line or the configuration is wrong`,
    )
    .action(async (options: StatusOptions) => {
      if (options.json && options.watch)
        throw new LogdError('usage', '--json and --watch do not go together: take one of them.');
      if (options.outputs) {
        const { showOutputHours } = await import('./output-hours.ts');
        const isComplete = await showOutputHours(options.config, options);
        if (options.check && !isComplete) process.exitCode = EXIT.failed;
        return;
      }
      const { ledger: opened, ...scope } = await openExpected(options);
      await using ledger = opened;
      const sealed = options.watch ? await watch(ledger, options, scope) : await once(ledger, options, scope);
      const { daysComplete } = await import('./status-output.ts');
      const isComplete = sealed && (await daysComplete(ledger, selectionOf(options)));
      if (options.check && !isComplete) process.exitCode = EXIT.failed;
    });

const absentNow = async (
  ledger: OpenLedger,
  selection: Selection,
  rules: ExpectRules,
): Promise<AbsentHour[]> => {
  const { absentHours } = await import('../ledger/expected-set.ts');
  return absentHours(ledger, selection, rules, systemClock.now());
};

interface Scope {
  readonly rules: ExpectRules;
  readonly directories: readonly string[];
}

/** A full disk, and what the monitor's page would say first; that not for a selection, which is a question of its own. */
const verdictLines = async (
  ledger: OpenLedger,
  selection: Selection,
  { rules, directories }: Scope,
): Promise<string[]> => {
  const { fullDisks } = await import('./disk-room.ts');
  const full = (await fullDisks(directories)).flatMap((line) => [
    ...wrap(line, widthOf(process.stdout)).map((part) => painter(process.stdout)('red', part)),
    '',
  ]);
  if (isNarrow(selection)) return full;
  const { ledgerVerdict } = await import('../monitor/hours/ledger-verdict.ts');
  const { kind, headline, sentences } = await ledgerVerdict(ledger, rules, systemClock.now());
  if (kind === 'nothing') return full;
  const { stdout } = process;
  const [paint, width] = [painter(stdout), widthOf(stdout)];
  return [
    ...full,
    ...wrap(headline, width).map((line) => paint('bold', line)),
    ...wrap(sentences.join(' '), width),
    '',
  ].filter((line, n, all) => line !== '' || n === all.length - 1 || n === full.length - 1);
};

/** Returns whether all is sealed. */
const once = async (ledger: OpenLedger, options: StatusOptions, scope: Scope): Promise<boolean> => {
  const { showJson, showText } = await import('./status-output.ts');
  const { allSealed } = await import('../report/summary.ts');
  const selection = selectionOf(options);
  const absent = await absentNow(ledger, selection, scope.rules);
  const { stdout } = process;
  const print = (text: string): void => void stdout.write(text);
  if (options.json) return allSealed(await showJson(ledger, { selection, absent }, systemClock.now(), print));
  const shown = {
    selection,
    absent,
    all: options.all ?? false,
    width: widthOf(stdout),
    paint: painter(stdout),
  };
  for (const line of await verdictLines(ledger, selection, scope)) print(`${line}\n`);
  return allSealed(await showText(ledger, shown, (text) => print(`${text}\n`)));
};

/** Shows the state again and again until a signal; then returns whether all was sealed. */
const watch = async (ledger: OpenLedger, options: StatusOptions, scope: Scope): Promise<boolean> => {
  const { showText } = await import('./status-output.ts');
  const { allSealed } = await import('../report/summary.ts');
  const { stdout } = process;
  const stop = new AbortController();
  const end = (): void => stop.abort();
  process.once('SIGINT', end).once('SIGTERM', end);
  for (;;) {
    const selection = selectionOf(options);
    const lines = await verdictLines(ledger, selection, scope);
    const shown = {
      ...{ selection, absent: await absentNow(ledger, selection, scope.rules), all: options.all ?? false },
      ...{ width: widthOf(stdout), paint: painter(stdout) },
    };
    const summary = await showText(ledger, shown, (text) => void lines.push(text));
    const at = new Date(systemClock.now()).toISOString();
    stdout.write(`${stdout.isTTY ? HOME_AND_CLEAR : ''}${lines.join('\n')}\n${at}\n`);
    await sleep(WATCH_EVERY_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    if (stop.signal.aborted) return allSealed(summary);
  }
};
