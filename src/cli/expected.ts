/** Who is expected, as commands that ask for completeness take it: from the configuration, or `--expect`. */
import { directoriesOf } from './disk-room.ts';
import { InvalidArgumentError, Option } from 'commander';
import { type NamedHost, parseHosts } from '../ledger/expected-hosts.ts';
import { LogdError, messageOf } from '../error.ts';
import type { ExpectRules } from '../ledger/expected-set.ts';
import type { OpenLedger } from '../ledger/ledger-kind.ts';
import { readConfig } from './config-file.ts';

/** The option that {@link expectOption} adds. */
export interface Expected {
  readonly expect?: readonly NamedHost[];
}

/** What a sink's configuration says of it. */
interface SinkRules {
  readonly expect_within: number;
  readonly expect?: readonly NamedHost[] | undefined;
}

const DEFAULT_WITHIN_MS = 7 * 86_400_000;

const parse = (text: string): NamedHost[] => {
  try {
    return parseHosts(text);
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
};

export const expectOption = (): Option =>
  new Option(
    '--expect <hosts>',
    'hosts that must have each hour, HOST or STREAM/HOST with commas between them, in place of those that had hours before',
  ).argParser(parse);

const rulesOf = ({ expect }: Expected, sink: SinkRules | undefined): ExpectRules => ({
  within: sink?.expect_within ?? DEFAULT_WITHIN_MS,
  fixed: expect ?? sink?.expect,
});

/** Opens a sink's ledger, to look at or to change beside a running sink, with the rules of who is expected in it. */
export const openExpected = async (
  options: Expected & { readonly config: string; readonly ledger?: string },
  how: 'look' | 'change' = 'look',
): Promise<{
  readonly ledger: OpenLedger;
  readonly rules: ExpectRules;
  /** Where the sink writes, as far as that is known. */
  readonly directories: readonly string[];
}> => {
  const sink = options.ledger === undefined ? (await readConfig(options.config)).sink : undefined;
  const { openLedger, USUAL_LEDGER } = await import('../ledger/registry.ts');
  const section = options.ledger === undefined ? sink?.ledger : { kind: USUAL_LEDGER, path: options.ledger };
  if (section === undefined)
    throw new LogdError(
      'usage',
      `${options.config} has no sink, and only a sink keeps a ledger: name the sink's configuration, or --ledger FILE.`,
    );
  const ledger = await openLedger(section, how);
  return {
    ledger,
    rules: rulesOf(options, sink),
    directories: sink === undefined ? [] : directoriesOf(sink),
  };
};
