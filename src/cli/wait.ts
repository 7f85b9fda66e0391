/** `logd wait`: returns once an hour of a stream is sealed for every host that must have it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../config/units.ts';
import { LogdError, messageOf } from '../error.ts';
import type { HourStanding } from '../ledger/hour-standing.ts';
import { listInWords } from '../text/prose.ts';
import { showHour } from '../report/segment-text.ts';
import { systemClock } from '../telemetry/clock.ts';
import { configOption } from './config-file.ts';
import { EXIT } from './exit-codes.ts';
import { expectOption, type Expected, openExpected } from './expected.ts';
import { parseHour, parseName } from './selection.ts';

const LOOK_EVERY_MS = 1_000;
/** A sink that starts has its ledger within this time. */
const STARTING_MS = 10_000;

interface WaitOptions extends Expected {
  readonly config: string;
  readonly ledger?: string;
  readonly stream: string;
  readonly hour: string;
  readonly host?: string;
  readonly timeout?: number;
}

const parseTimeout = (text: string): number => {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
};

/** `web2 is absent; web3 and web4 are open` */
const missingInWords = ({ absent, open, closed, sealed }: HourStanding): string => {
  const part = (hosts: readonly string[], state: string): string[] =>
    hosts.length === 0 ? [] : [`${listInWords(hosts)} ${hosts.length === 1 ? 'is' : 'are'} ${state}`];
  const parts = [...part(closed, 'refused or incomplete'), ...part(absent, 'absent'), ...part(open, 'open')];
  return parts.length > 0 || sealed.length > 0 ? parts.join('; ') : 'no host is expected to have it yet';
};

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Opens the ledger; where it cannot be read yet, because its sink was started just now, tries again for a while. */
const openWaiting = async (options: WaitOptions, until: number): ReturnType<typeof openExpected> => {
  const giveUp = Math.min(until, systemClock.monotonic() + STARTING_MS);
  for (let said = false; ; said = true) {
    try {
      return await openExpected(options);
    } catch (error) {
      const left = giveUp - systemClock.monotonic();
      if (!(error instanceof LogdError) || error.code !== 'storage' || left <= 0) throw error;
      if (!said) say('The ledger cannot be read yet. Waiting 10 s for its sink to start.');
      await sleep(Math.min(LOOK_EVERY_MS, left));
    }
  }
};

const waitFor = async (options: WaitOptions): Promise<number> => {
  const { hourStanding, isWhole } = await import('../ledger/hour-standing.ts');
  const until = systemClock.monotonic() + (options.timeout ?? Infinity);
  const { ledger: opened, rules } = await openWaiting(options, until);
  await using ledger = opened;
  const name = `${options.stream} ${showHour(options.hour)}`;
  for (let said = ''; ;) {
    const standing = await hourStanding(ledger, options, rules, systemClock.now());
    if (isWhole(standing)) {
      say(`${name} is sealed: ${listInWords(standing.sealed)}.`);
      return EXIT.ok;
    }
    const missing = missingInWords(standing);
    if (standing.closed.length > 0) {
      say(
        `${name} cannot be sealed by waiting: ${missing}. See: logd status --stream ${options.stream} --hour ${options.hour}`,
      );
      return EXIT.closed;
    }
    if (missing !== said) say(`${name} is waited for: ${missing}.`);
    said = missing;
    const left = until - systemClock.monotonic();
    if (left <= 0) {
      say(`${name} is not sealed in time: ${missing}.`);
      return EXIT.failed;
    }
    await sleep(Math.min(LOOK_EVERY_MS, left));
  }
};

export const waitCommand = (): Command =>
  new Command('wait')
    .description('Wait until an hour or day of a stream is sealed for all hosts that must have it.')
    .addOption(configOption())
    .option('--ledger <file>', "the sink's ledger itself, instead of a configuration that names it")
    .addOption(new Option('--stream <name>', 'the stream').argParser(parseName).makeOptionMandatory())
    .addOption(
      new Option('--hour <hour>', 'an hour, 2026112216, or a day, 20261122')
        .argParser(parseHour)
        .makeOptionMandatory(),
    )
    .option('--host <name>', 'only this host', parseName)
    .addOption(expectOption())
    .option('--timeout <time>', 'give up after this time: 90s, 2h (default: never)', parseTimeout)
    .addHelpText(
      'after',
      `
Who must have it: each host that had hours of the stream within sink.expect_within before (7 days by default) and is not retired, each
that was added with logd expect; or the set that --expect or sink.expect names. What is missing is printed whenever it changes.

Examples:
  logd wait --stream access --hour 2026112216 && start-the-batch-job
  logd wait --stream access --hour 20261122 --timeout 2h
  logd wait --stream access --hour 2026112216 --expect web1,web2

Exit codes:
  0  all of it is sealed
  1  the time is up, or the ledger cannot be read
  2  the command line or the configuration is wrong
  3  an hour is refused or incomplete: waiting does not mend it`,
    )
    .action(async (options: WaitOptions) => {
      process.exitCode = await waitFor(options);
    });
