/** What the demo says before and after, and the commands that it shows. */
import { plural } from '../report/segment-text.ts';
import { wrap } from '../text/prose.ts';
import type { Paint } from '../text/terminal.ts';
import { logTail } from './child.ts';
import { pageAddress } from './page.ts';
import { demoPaths, type DemoPlan, STREAM } from './plan.ts';

const LOG_LINES = 6;

/** How a user calls this program: from a clone, or as an installed package. */
const program = import.meta.url.endsWith('.ts') ? 'npm run -s logd --' : 'logd';

/** A shell word: quoted only where it must be. */
const word = (text: string): string =>
  /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** A command line to copy and paste. */
export const commandLine = (args: readonly string[]): string => [program, ...args.map(word)].join(' ');

/** The commands that prove the result. */
export const proofCommands = ({ dir, hosts }: DemoPlan) => {
  const { config } = demoPaths(dir);
  return {
    status: ['status', '-c', config('sink'), '--check'],
    audit: ['audit', '-c', config('sink'), ...hosts.flatMap(({ name }) => ['--sources', config(name)])],
  };
};

export const introduction = (
  { dir, hosts, expected }: DemoPlan,
  secondsPerHour: number,
  paint: Paint,
  width = Infinity,
): string => {
  const pace = secondsPerHour > 0 ? ` Here an hour takes ${plural(secondsPerHour, 'second')}.` : '';
  const agents = plural(hosts.length, 'agent');
  const cast = `${paint('bold', 'logd demo')}: ${agents}, 1 sink, ${plural(expected.length, 'segment')} (a host's hour); two nodes will be killed on the way.${pace}`;
  return `${wrap(cast, width).join('\n')}
Everything is below ${paint('bold', dir)}

`;
};

export const conclusion = (
  { dir, expected }: DemoPlan,
  proven: boolean,
  paint: Paint,
  width = Infinity,
): string => {
  const { source, stored } = demoPaths(dir);
  const { host, hour } = expected[0]!;
  const file = `${stored}/stream=${STREAM}/dt=${hour.slice(0, 4)}-${hour.slice(4, 6)}-${hour.slice(6, 8)}/hour=${hour.slice(8)}/host=${host}/${STREAM}.log`;
  const verdict = proven
    ? paint(
        'green',
        'Proven: nothing was lost and nothing came twice, though the sink and an agent were killed.',
      )
    : paint('red', 'NOT proven: the lines above say what is wrong.');
  return `
${wrap(verdict, width).join('\n')}

See for yourself:  sha256sum ${word(source(host, hour))} \\
                             ${word(file)}
Remove it all:     rm -rf ${word(dir)}
`;
};

export const keepText = (plan: DemoPlan, paint: Paint): string => {
  const { status, audit } = proofCommands(plan);
  const { source } = demoPaths(plan.dir);
  const { host, hour } = plan.expected[0]!;
  return `
${paint('bold', 'The sink and the agents keep running; Ctrl-C stops them.')} Meanwhile, in another terminal:
${plan.monitor === undefined ? '' : `  see it:            ${pageAddress(plan.monitor)}\n`}  watch it:          ${commandLine([...status.slice(0, 3), '--watch'])}
  prove it again:    ${commandLine(audit)}
  add a late line:   echo late >> ${word(source(host, hour))}
`;
};

/** The logs of all nodes and how they end, for a demo that went wrong. */
export const lastWords = async ({ dir, hosts }: DemoPlan): Promise<string> => {
  const { log } = demoPaths(dir);
  const nodes = ['sink', ...hosts.map(({ name }) => name)];
  const tails = await Promise.all(
    nodes.map(async (node) => `${log(node)}:\n${indent(await logTail(log(node), LOG_LINES))}`),
  );
  return `The logs of the nodes end so:\n${tails.join('\n')}`;
};

const indent = (text: string): string => text.replaceAll(/^/gm, '  ');
