/**
 * The configuration of a Go node, as ours: role by role, with what has no counterpart.
 *
 *   [tail]         agent            [collector]     relay
 *   [fcollector]   sink, file store [mgocollector]  sink with a mongodb output
 *   [etlcollector] sink with an etl output          [monitor] [receiver] [heart_beat]  monitor
 *
 * The Go system is one role in each process, chosen on its command line, so each section becomes a configuration of its own.
 */
import type { Ini } from './ini.ts';

export interface ImportedNode {
  /** `tail`, `collector`, … */
  readonly role: string;
  /** To be written as YAML. */
  readonly config: Readonly<Record<string, unknown>>;
  /** What a person must look at, in whole sentences. */
  readonly notes: readonly string[];
}

type IniValues = ReadonlyMap<string, string>;

interface Context {
  readonly values: IniValues;
  readonly ini: Ini;
  readonly notes: string[];
  /** The key was understood. */
  used(key: string): string | undefined;
}

const PORT = /^\d{1,5}$/;

/** `:1306`, `1306` and `10.0.0.1:1306` → an address to listen on. */
const listenOn = (value: string): string => {
  if (PORT.test(value)) return `0.0.0.0:${value}`;
  return value.startsWith(':') ? `0.0.0.0${value}` : value;
};

const listOf = (value: string): string[] => value.split(/[,;\s]+/).filter((one) => one !== '');

const TOKEN_NOTE =
  'It listens beyond loopback, and our wire asks for a token there: make /etc/logd/token with `openssl rand -hex 32`, the same on both sides.';

/** A Go path with a time: `/var/log/access.log.2006010215` or strftime → `<%Y%m%d%H>`. */
const pathOf = ({ notes }: Context, file: string): string => {
  const path = file
    .replace(/2006010215|%Y%m%d%H/, '<%Y%m%d%H>')
    .replace(/2006-01-02-15|%Y-%m-%d-%H/, '<%Y-%m-%d-%H>');
  if (path.includes('<')) return path;
  notes.push(
    `log_file ${file} names no hour. Ours takes the hour from the file's name: set agent.streams.access.path to the pattern of the hourly files.`,
  );
  return `${path}.<%Y%m%d%H>`;
};

const tail = (context: Context): Readonly<Record<string, unknown>> => {
  const { used, notes } = context;
  const to = listOf(used('send_to') ?? '');
  if (to.length > 1)
    notes.push(
      'send_to has several addresses: each host keeps to one of them, and goes to another one when that is away.',
    );
  const record = used('record_file') ?? used('record');
  if (record !== undefined)
    notes.push(
      `The position in ${record} is "file lines". To go on exactly there: stop the Go node, note the hour of that file, and set agent.streams.access.start to it. The whole hour is then sent again under its own name, and a sink of ours stores it once.`,
    );
  if (used('senders') !== undefined)
    notes.push('senders has no counterpart: one connection carries many packs.');
  if (used('recv_buffer_size') !== undefined)
    notes.push('recv_buffer_size (lines in a pack) has no counterpart: agent.pack.size is in bytes.');
  return {
    agent: {
      send_to: to.join(', ') || '127.0.0.1:7667',
      token_file: '/etc/logd/token',
      streams: { access: { path: pathOf(context, used('log_file') ?? '/var/log/access.log') } },
    },
  };
};

const gowire = { stream: 'access' };

const listening = ({ used, notes }: Context): Readonly<Record<string, unknown>> => {
  notes.push(
    TOKEN_NOTE,
    'gowire takes Go nodes on the same port, so that hosts can change one after the other. Remove it afterwards.',
  );
  return { listen: listenOn(used('listen') ?? '7667'), token_file: '/etc/logd/token', gowire };
};

const collector = (context: Context): Readonly<Record<string, unknown>> => {
  const { used, notes } = context;
  const to = listOf(used('send_to') ?? '');
  if (used('senders') !== undefined)
    notes.push('senders has no counterpart: one connection carries many packs.');
  notes.push(
    'A next hop that is still a Go node is written gowire://host:port/access: it gets one stream. Write host:port once it is ours.',
  );
  return {
    relay: {
      ...listening(context),
      send_to: to.map((one) => `gowire://${one}/access`).join(', ') || '127.0.0.1:7668',
    },
  };
};

const sink = (context: Context): Record<string, unknown> => {
  const { used, notes } = context;
  const dir = used('save_dir');
  notes.push(
    'Files get the layout of docs/reference.md (stream=…/dt=…/hour=…/host=…), not log_data/IP_HOUR. Old files stay as they are.',
  );
  return { ...listening(context), store: { kind: 'file', dir: dir ?? '/var/lib/logd/stored' } };
};

const fcollector = (context: Context): Readonly<Record<string, unknown>> => {
  context.notes.push(
    'The tags in received/ are markers.dir: IP_HOUR_LINES becomes <host>_<stream>_<hour>_<lines>.',
  );
  return { sink: sink(context) };
};

const mgocollector = (context: Context): Readonly<Record<string, unknown>> => {
  const { used, notes } = context;
  const known = ['mongos', 'db', 'collection'].map((key) => `${key} = ${used(key) ?? ''}`).join(', ');
  for (const key of ['savers', 'upsert', 'bulk_size']) used(key);
  notes.push(
    `The MongoDB output is not written here: add sink.outputs with kind mongodb (${known}); see docs/reference.md.`,
  );
  return { sink: sink(context) };
};

const etlcollector = (context: Context): Readonly<Record<string, unknown>> => {
  const { used, notes } = context;
  const files = ['columns_file', 'spider_list', 'hosts_white_list', 'ip_black_list'];
  const known = files.map((key) => `${key} = ${used(key) ?? ''}`).join(', ');
  notes.push(
    `The ETL output is not written here: add sink.outputs with kind etl, which reads these files as they are (${known}).`,
  );
  return { sink: sink(context) };
};

const ROLES: Readonly<Record<string, (context: Context) => Readonly<Record<string, unknown>>>> = {
  ...{ tail, collector, fcollector, mgocollector, etlcollector },
};

const MONITOR = ['monitor', 'receiver', 'heart_beat'];

/** Each role of the file, with its notes; and what of the file is in no role. */
export const importIni = (
  ini: Ini,
): { readonly nodes: readonly ImportedNode[]; readonly notes: readonly string[] } => {
  const notes: string[] = [];
  const nodes: ImportedNode[] = [];
  for (const [name, values] of ini) {
    const role = ROLES[name];
    if (role !== undefined) {
      const left = new Set(values.keys());
      const own: string[] = [];
      const used = (key: string): string | undefined => {
        left.delete(key);
        return values.get(key);
      };
      const config = { state_dir: `/var/lib/logd/${name}`, ...role({ values, ini, notes: own, used }) };
      for (const key of left) own.push(`${key} = ${values.get(key)} has no counterpart.`);
      nodes.push({ role: name, config, notes: own });
    } else if (MONITOR.includes(name))
      notes.push(
        `[${name}] belongs to the Go monitor. Ours is the role monitor: see \`logd init --role monitor\` and docs/reference.md.`,
      );
    else if (name === 'logAgent')
      notes.push(
        '[logAgent]: a node logs to standard error; its level is log.level. The journal or a service manager keeps it.',
      );
    else if (values.size > 0) notes.push(`[${name}] has no counterpart.`);
  }
  return { nodes, notes };
};
