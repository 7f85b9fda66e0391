/** `logd tap`: lines as they pass a running node. What is searched for is searched for here: the node only hands out samples. */
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { Command, InvalidArgumentError } from 'commander';
import { RE2JS } from 're2js';
import { LogdError, messageOf } from '../error.ts';
import type { TappedLines } from '../http/tap.ts';
import { printable } from '../telemetry/printable.ts';
import { EXIT } from './exit-codes.ts';

const DEFAULT = 'http://127.0.0.1:7668';

interface TapFlags {
  readonly node: string;
  readonly host?: string;
  readonly role?: string;
  readonly grep?: RE2JS;
  readonly lines?: number;
  readonly tokenFile?: string;
}

const openTap = async (stream: string, { node, host, role, tokenFile }: TapFlags): Promise<Readable> => {
  const url = new URL('/tap', node);
  const query = { stream, host, role };
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) url.searchParams.set(name, value);
  const token =
    tokenFile === undefined ? undefined : (await readFile(tokenFile, 'utf8')).split('\n')[0]?.trim();
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(url, { headers, redirect: 'error' }).catch((error: unknown) => {
    const { cause = error } = error as { readonly cause?: unknown };
    throw new LogdError('unreachable', `${node} does not answer: ${messageOf(cause)}.`, { cause: error });
  });
  if (response.ok && response.body !== null) return Readable.fromWeb(response.body as never);
  const { error = '' } = (await response.json().catch(() => ({}))) as { readonly error?: string };
  throw new LogdError('refused', `${node} answers ${response.status}. ${error}`);
};

const tap = async (stream: string, flags: TapFlags): Promise<void> => {
  const { grep, lines: most = Infinity } = flags;
  const source = await openTap(stream, flags);
  let [shown, passed, skipped] = [0, 0, 0];
  const finish = (): void => {
    const counted = [`${shown} lines shown`, `${passed} looked at`, `${skipped} not looked at`];
    process.stderr.write(`${counted.join(', ')}\n`);
  };
  process.once('SIGINT', () => source.destroy());
  try {
    for await (const text of createInterface({ input: source })) {
      const part = JSON.parse(text) as TappedLines;
      skipped += part.skipped;
      passed += part.lines.length;
      const found = grep === undefined ? part.lines : part.lines.filter((line) => grep.matcher(line).find());
      const out = found.slice(0, most - shown);
      shown += out.length;
      for (const line of out) process.stdout.write(`${process.stdout.isTTY ? printable(line) : line}\n`);
      if (shown >= most) break;
    }
  } finally {
    source.destroy();
    finish();
  }
};

const expression = (text: string): RE2JS => {
  try {
    return RE2JS.compile(text);
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
};

const count = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('Give a whole number above 0.');
  return value;
};

export const tapCommand = (): Command =>
  new Command('tap')
    .description('Show lines as they pass a running node: a sample, which never slows the node.')
    .argument('<stream>', 'name of the stream')
    .option('--node <url>', 'the node, by the address of its http listener', DEFAULT)
    .option('--host <name>', 'only lines of this host')
    .option('--role <role>', 'where to look, in a node with several roles: agent, relay or sink')
    .option('--grep <expression>', 'only lines in which this is found (RE2)', expression)
    .option('--lines <count>', 'end after so many lines', count)
    .option('--token-file <file>', "file whose first line is the token of the node's http listener")
    .addHelpText(
      'after',
      `
Examples:
  logd tap access
  logd tap access --node http://sink1:7668 --host web1 --grep ' 50[0-9] '
  logd tap access --lines 1000 > sample.log

A node shows at most 4 MiB a second, and skips what is more: at the end it says how many lines were not
looked at. It needs http: in its config (see logd explain http).

Exit codes:
  0  done, or ended by Ctrl-C
  1  the node does not answer, or refuses`,
    )
    .action(async (stream: string, flags: TapFlags) => {
      await tap(stream, flags);
      process.exitCode = EXIT.ok;
    });
