/** `logd top`: nodes, their parts, lag and throughput, live in a terminal. Reads /status of each. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { messageOf } from '../error.ts';
import { formatBytes, type Paint, painter, table, widthOf } from '../text/terminal.ts';
import type { NodeStatus, RoleStatus } from '../telemetry/status.ts';
import { EXIT } from './exit-codes.ts';

const TIMEOUT_MS = 3_000;
const DEFAULT = 'http://127.0.0.1:7668';

interface TopFlags {
  readonly every: number;
  readonly once?: boolean;
  readonly tokenFile?: string;
}

type NodeAnswer =
  { readonly url: string; readonly status: NodeStatus } | { readonly url: string; readonly error: string };

const ask = async (url: string, token: string | undefined): Promise<NodeAnswer> => {
  try {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(new URL('/status', url), {
      headers,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok) return { url, error: `answers ${response.status}` };
    return { url, status: (await response.json()) as NodeStatus };
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    return { url, error: `does not answer: ${messageOf(cause)}` };
  }
};

const seconds = (value: number | null): string => (value === null ? 'unknown' : `${value.toFixed(1)} s`);

const roleRows = (answers: readonly NodeAnswer[]): { node: string; role: RoleStatus }[] =>
  answers.flatMap((answer) =>
    'status' in answer ? answer.status.roles.map((role) => ({ node: answer.status.node, role })) : [],
  );

const screen = (answers: readonly NodeAnswer[], paint: Paint, width: number): string => {
  const roles = roleRows(answers);
  const lines = table(
    roles,
    [
      { title: 'NODE', cell: ({ node }) => node, importance: 9 },
      { title: 'ROLE', cell: ({ role }) => role.role, importance: 8 },
      {
        title: 'STATE',
        cell: ({ role }) => role.state,
        importance: 9,
        paint: (text, { role }) => paint(role.state === 'running' ? 'green' : 'red', text),
      },
      { title: 'LAG', cell: ({ role }) => seconds(role.lag.seconds), align: 'right', importance: 7 },
      {
        title: 'BEHIND',
        cell: ({ role }) => (role.lag.bytes === null ? 'unknown' : formatBytes(role.lag.bytes)),
        align: 'right',
        importance: 5,
      },
      {
        title: 'LINES/S',
        cell: ({ role }) => Math.round(role.throughput.linesPerSecond).toLocaleString('en-US'),
        align: 'right',
        importance: 6,
      },
      {
        title: 'RATE',
        cell: ({ role }) => `${formatBytes(role.throughput.bytesPerSecond)}/s`,
        align: 'right',
        importance: 6,
      },
      { title: 'OPEN HOURS', cell: ({ role }) => String(role.openHourCount), align: 'right', importance: 4 },
    ],
    width,
    paint,
  );
  const parts = roles.flatMap(({ node, role }) => role.parts.map((part) => ({ node, ...part })));
  if (parts.length > 0)
    lines.push(
      '',
      ...table(
        parts,
        [
          { title: 'NODE', cell: ({ node }) => node, importance: 9 },
          { title: 'PART', cell: ({ kind, name }) => `${kind} ${name}`, importance: 9 },
          {
            title: 'STATE',
            cell: ({ state }) => state,
            importance: 8,
            paint: (text, { state }) => paint(state === 'running' ? 'green' : 'red', text),
          },
          {
            title: 'LAG',
            cell: ({ lag }) => (lag === undefined ? '' : seconds(lag.seconds)),
            align: 'right',
            importance: 7,
          },
          { title: 'DETAIL', cell: ({ detail }) => detail ?? '', importance: 3 },
        ],
        width,
        paint,
      ),
    );
  for (const answer of answers)
    if ('error' in answer) lines.push('', paint('red', `${answer.url} ${answer.error}`));
  const errors = roles.flatMap(({ node, role }) => role.errors.map((error) => ({ node, ...error })));
  errors.sort((a, b) => b.at - a.at);
  if (errors.length > 0) lines.push('', paint('bold', 'LAST ERRORS'));
  for (const { at, node, text, level } of errors.slice(0, 8))
    lines.push(
      `${new Date(at).toISOString().slice(11, 19)} ${node} ${paint(level === 'error' ? 'red' : 'yellow', text)}`,
    );
  return `${lines.join('\n')}\n`;
};

const top = async (urls: readonly string[], { every, once, tokenFile }: TopFlags): Promise<void> => {
  const token =
    tokenFile === undefined ? undefined : (await readFile(tokenFile, 'utf8')).split('\n')[0]?.trim();
  const paint = painter(process.stdout);
  for (;;) {
    const answers = await Promise.all(urls.map((url) => ask(url, token)));
    const text = screen(answers, paint, widthOf(process.stdout));
    if (once === true || !process.stdout.isTTY) {
      process.stdout.write(text);
      if (answers.some((answer) => 'error' in answer)) process.exitCode = EXIT.failed;
      return;
    }
    process.stdout.write(`\x1b[H\x1b[2J${text}`);
    await sleep(every * 1000);
  }
};

export const topCommand = (): Command =>
  new Command('top')
    .description('Show nodes live: lag, throughput, open hours, parts, last errors.')
    .argument('[url...]', 'nodes, by the address of their http listener', [DEFAULT])
    .option(
      '--every <seconds>',
      'how often to look',
      (text) => {
        const value = Number(text);
        if (!(value >= 0.2)) throw new InvalidArgumentError('Give seconds, at least 0.2.');
        return value;
      },
      1,
    )
    .option('--once', 'show once and end; so it is where the output is no terminal')
    .option('--token-file <file>', 'file whose first line is the token of the nodes')
    .addHelpText(
      'after',
      `
Examples:
  logd top
  logd top http://web1:7668 http://sink1:7668 --token-file /etc/logd/http-token

Nodes listen for it when their config has http: (see logd explain http).

Exit codes:
  0  done
  1  a node did not answer`,
    )
    .action((urls: string[], flags: TopFlags) => top(urls, flags));
