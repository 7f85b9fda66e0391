/** The sections of a Go node's configuration, each as the configuration of a role of ours. */
import { isAbsolute, join } from 'node:path';

/** What is in the files that a Go node's configuration names. */
export interface GoFiles {
  /** Against which relative paths count: where the Go node was started. */
  readonly base: string;
  /** The content of `record_file`, `<file> <lines>`: how far its tailer has read. */
  readonly position?: { readonly file: string; readonly lines: number } | undefined;
  /** Files that cannot be used, with the reason in a sentence: path → reason. */
  readonly faults: ReadonlyMap<string, string>;
  /** Of the tags `received/IP_HOUR_LINES`: the last hour of each address. */
  readonly lastTags: ReadonlyMap<string, string>;
}

export const NO_FILES: GoFiles = { base: '', faults: new Map(), lastTags: new Map() };

export interface GoSection {
  readonly files: GoFiles;
  readonly notes: string[];
  /** The value of a key, which counts as understood. */
  used(key: string): string | undefined;
}

type Config = Readonly<Record<string, unknown>>;

const PORT = /^\d{1,5}$/;

/** `:1306`, `1306` and `10.0.0.1:1306` → an address to listen on. */
const listenOn = (value: string): string => {
  if (PORT.test(value)) return `0.0.0.0:${value}`;
  return value.startsWith(':') ? `0.0.0.0${value}` : value;
};

const listOf = (value: string): string[] => value.split(/[,;\s]+/).filter((one) => one !== '');

const TOKEN_NOTE =
  'It listens beyond loopback, and our wire asks for a token there: make /etc/logd/token with `openssl rand -hex 32`, the same on both sides.';

/** An absolute path. */
const pathOf = ({ base }: GoFiles, path: string): string => (isAbsolute(path) ? path : join(base, path));

/** Where the hour stands in the name of a file, and as what. */
const HOURS: readonly (readonly [RegExp, string])[] = [
  [/(\d{4})(\d{2})(\d{2})(\d{2})(?!.*\d{10})/, '<%Y%m%d%H>'],
  [/(\d{4})-(\d{2})-(\d{2})-(\d{2})/, '<%Y-%m-%d-%H>'],
];

/** The hour in the name of a file, and its pattern. */
const hourIn = (file: string): { readonly hour: string; readonly pattern: string } | undefined => {
  for (const [look, place] of HOURS) {
    const found = look.exec(file);
    if (found !== null) return { hour: found.slice(1).join(''), pattern: file.replace(look, place) };
  }
  return undefined;
};

/** A Go path with a time: `/var/log/access.log.2006010215` or strftime → `<%Y%m%d%H>`. */
const patternOf = ({ notes, files }: GoSection, file: string): string => {
  const path = pathOf(files, file)
    .replace(/2006010215|%Y%m%d%H/, '<%Y%m%d%H>')
    .replace(/2006-01-02-15|%Y-%m-%d-%H/, '<%Y-%m-%d-%H>');
  if (path.includes('<')) return path;
  const known = files.position && hourIn(pathOf(files, files.position.file));
  if (known !== undefined) return known.pattern;
  notes.push(
    `log_file ${file} names no hour. Ours takes the hour from the file's name: set agent.streams.access.path to the pattern of the hourly files.`,
  );
  return `${path}.<%Y%m%d%H>`;
};

/** Where the agent starts, from what the tailer has noted. */
const startOf = ({ notes, files, used }: GoSection): { readonly start?: string } => {
  const record = used('record_file') ?? used('record');
  if (record === undefined) return {};
  const { position } = files;
  const hour = position && hourIn(position.file)?.hour;
  if (position === undefined || hour === undefined) {
    const why =
      files.faults.get(record) ??
      `${record} names no file of an hour${position === undefined ? '' : `: ${position.file}`}.`;
    notes.push(
      `The position of the Go node could not be taken over: ${why} Set agent.streams.access.start to the hour that it reads, else everything that is there is sent.`,
    );
    return {};
  }
  notes.push(
    `The position is taken over from ${record}: ${position.lines} lines of ${position.file}. The agent starts with that hour, ${hour}, from its beginning: the Go node notes lines as soon as it has read them, so the last of them may have reached nobody. Import once more after the Go node was stopped.`,
  );
  return { start: hour };
};

const reportTo = ({ used, notes }: GoSection): Config => {
  const monitor = used('mon_addr');
  used('hb_port');
  if (monitor === undefined || monitor === '') return {};
  notes.push(
    'report.to is the port of our monitor, not that of the Go monitor (mon_addr). A heartbeat needs the listener of http.',
  );
  return {
    http: { listen: '127.0.0.1:7670' },
    report: { to: `http://${monitor.replace(/:\d+$/, '')}:7669`, token_file: '/etc/logd/monitor-token' },
  };
};

const noSenders = ({ used, notes }: GoSection): void => {
  if (used('senders') !== undefined)
    notes.push('senders has no counterpart: one connection carries many packs.');
};

const tail = (section: GoSection): Config => {
  const { used, notes } = section;
  const to = listOf(used('send_to') ?? '');
  if (to.length > 1)
    notes.push(
      'send_to has several addresses: each host keeps to one of them, and goes to another one when that is away.',
    );
  noSenders(section);
  if (used('recv_buffer_size') !== undefined)
    notes.push('recv_buffer_size (lines in a pack) has no counterpart: agent.pack.size is in bytes.');
  const path = patternOf(section, used('log_file') ?? '/var/log/access.log');
  return {
    agent: {
      send_to: to.join(', ') || '127.0.0.1:7667',
      token_file: '/etc/logd/token',
      streams: { access: { path, ...startOf(section) } },
    },
    ...reportTo(section),
  };
};

const listening = ({ used, notes }: GoSection): Config => {
  notes.push(
    TOKEN_NOTE,
    'gowire takes Go nodes on the same port, so that hosts can change one after the other. Remove it afterwards.',
  );
  return {
    listen: listenOn(used('listen') ?? '7667'),
    token_file: '/etc/logd/token',
    gowire: { stream: 'access' },
  };
};

const collector = (section: GoSection): Config => {
  const to = listOf(section.used('send_to') ?? '');
  noSenders(section);
  section.notes.push(
    'A next hop that is still a Go node is written gowire://host:port/access: it gets one stream. Write host:port once it is ours.',
  );
  return {
    relay: {
      ...listening(section),
      send_to: to.map((one) => `gowire://${one}/access`).join(', ') || '127.0.0.1:7668',
    },
    ...reportTo(section),
  };
};

const tagNotes = ({ notes, files }: GoSection): void => {
  if (files.lastTags.size === 0) return;
  const last = [...files.lastTags].map(([address, hour]) => `${address} up to ${hour}`).join(', ');
  notes.push(
    `The tags in received/ say what the Go system took for complete: ${last}. They prove nothing, so they are not taken over as seals. Leave them where they are and give ours another directory (sink.markers.dir): what no seal proves is removed there.`,
  );
};

const sinkWith = (section: GoSection, outputs?: Config): Config => {
  const { used, notes, files } = section;
  const dir = used('save_dir');
  notes.push(
    'Files get the layout of docs/reference.md (stream=…/dt=…/hour=…/host=…), not log_data/IP_HOUR. Old files stay as they are.',
  );
  tagNotes(section);
  return {
    sink: {
      ...listening(section),
      store: { kind: 'file', dir: dir === undefined ? '/var/lib/logd/stored' : pathOf(files, dir) },
      ...(outputs && { outputs }),
    },
    ...reportTo(section),
  };
};

const fcollector = (section: GoSection): Config => {
  section.notes.push(
    'The tags in received/ are markers.dir: IP_HOUR_LINES becomes <host>_<stream>_<hour>_<lines>.',
  );
  return sinkWith(section);
};

const NO = /^(?:|0|no|false|off)$/i;

const mgocollector = (section: GoSection): Config => {
  const { used, notes } = section;
  const [servers, db, collection] = [used('mongos'), used('db') ?? 'logs', used('collection') ?? '{stream}'];
  const [savers, bulk] = [Number(used('savers')), Number(used('bulk_size'))];
  const isUpsert = !NO.test(used('upsert') ?? '1');
  notes.push(
    `Documents are those of the Go system, in databases ${db}DAY as before, but _id is the transaction_id: do not let both systems write into the databases of one day. A user and a password go to uri and password_file.`,
  );
  const known = (value: number, most: number): boolean =>
    Number.isSafeInteger(value) && value > 0 && value <= most;
  return sinkWith(section, {
    mongodb: {
      kind: 'mongodb',
      uri: `mongodb://${listOf(servers ?? '127.0.0.1:27017').join(',')}/`,
      streams: 'access',
      database: `${db}{day}`,
      collection,
      document: 'go-logd',
      ...(isUpsert && { mode: 'upsert', key: 'transaction_id', without_key: 'skip' }),
      write_concern: '2',
      ...(known(savers, 64) && { savers }),
      ...(known(bulk, 100_000) && { batch_docs: bulk }),
    },
  });
};

const LISTS = [
  ['columns_file', 'columns_file'],
  ['spider_list', 'spiders_file'],
  ['hosts_white_list', 'hosts_file'],
  ['ip_black_list', 'addresses_file'],
] as const;

const etlcollector = (section: GoSection): Config => {
  const { used, notes, files } = section;
  const lists: Record<string, string> = {};
  for (const [theirs, ours] of LISTS) {
    const value = used(theirs);
    if (value === undefined || value === '') continue;
    lists[ours] = pathOf(files, value);
    const fault = files.faults.get(value);
    if (fault !== undefined) notes.push(`${theirs} = ${value} cannot be used as it is: ${fault}`);
  }
  notes.push(
    'The ETL reads the files of the Go system where they are. Its tables, etl_done and etl_fail are below sink.outputs.etl.dir. Check them with `logd etl test --sample FILE`.',
  );
  return sinkWith(section, {
    etl: {
      kind: 'etl',
      streams: 'access',
      format: 'vhost_combined',
      form: 'hive',
      dir: '/var/lib/logd/etl',
      ...lists,
    },
  });
};

/** [receiver] and [heart_beat] of the Go monitor's own file, as one section. */
const monitor = ({ used, notes }: GoSection): Config => {
  const database = {
    host: used('db_host') ?? '127.0.0.1',
    port: used('db_port') ?? '3306',
    user: used('db_uname') ?? 'logd',
    database: used('db_db') ?? 'logd',
  };
  used('db_charset');
  if (used('db_passwd') !== undefined)
    notes.push(
      'db_passwd is not copied: write it into /etc/logd/mariadb-password, as its first line, and let only logd read it.',
    );
  notes.push(
    'The tables registered_node and service_error_log are taken over with what is in them.',
    'go_listen has the port of the Go monitor, without a token: let only hosts of Go nodes reach it. The page is on 127.0.0.1:7669.',
  );
  const interval = Number(used('check_interval'));
  return {
    monitor: {
      listen: '127.0.0.1:7669',
      go_listen: listenOn(used('recv_port') ?? '7670'),
      ...(Number.isSafeInteger(interval) &&
        interval >= 1 &&
        interval <= 3600 && { check_interval: `${interval}s` }),
      store: { kind: 'mariadb', ...database, password_file: '/etc/logd/mariadb-password' },
    },
  };
};

/** By the name of the section. */
export const GO_ROLES: Readonly<Record<string, (section: GoSection) => Config>> = {
  ...{ tail, collector, fcollector, mgocollector, etlcollector, receiver: monitor },
};
