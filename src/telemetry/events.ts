/**
 * The one list of everything logd has to say. Log lines are made from it, and metrics will be.
 *
 * Levels mean something. info: a change of state. warn: something went wrong and no data is lost.
 * error: data was lost, or a promise is broken. debug: for the developers of logd.
 * A `{field}` in the text is replaced by that field; all fields are in the log line besides.
 */
type FieldKind = 'string' | 'number';

interface EventSpec {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly text: string;
  readonly fields: Readonly<Record<string, FieldKind>>;
}

const segment = { host: 'string', stream: 'string', hour: 'string' } as const;

export const EVENTS = {
  'node.started': {
    level: 'info',
    text: 'Node {node} {version} started as {roles}',
    fields: { node: 'string', version: 'string', roles: 'string' },
  },
  'node.not-started': {
    level: 'error',
    text: 'Node {node} cannot start: {reason}',
    fields: { node: 'string', reason: 'string' },
  },
  'node.draining': { level: 'info', text: 'Draining after {signal}', fields: { signal: 'string' } },
  'node.drain-timed-out': {
    level: 'warn',
    text: 'Not drained within {timeout_ms} ms: ended as it is, the next start goes on from there',
    fields: { timeout_ms: 'number' },
  },
  'node.stopped': { level: 'info', text: 'Node {node} stopped', fields: { node: 'string' } },
  'node.failed': { level: 'error', text: 'The node cannot go on: {reason}', fields: { reason: 'string' } },
  'node.token-changed': {
    level: 'info',
    text: 'The token file {path} has changed: its tokens are in use from now on',
    fields: { path: 'string' },
  },
  'node.token-kept': {
    level: 'warn',
    text: '{reason} The tokens that {path} had before stay in use',
    fields: { path: 'string', reason: 'string' },
  },
  'node.log-lost': {
    level: 'warn',
    text: '{lines} log lines could not be written: {reason}',
    fields: { lines: 'number', reason: 'string' },
  },

  'tail.found': {
    level: 'info',
    text: 'Following {path} as {stream} {hour}',
    fields: { path: 'string', stream: 'string', hour: 'string' },
  },
  'tail.hour-repeated': {
    level: 'warn',
    text: '{path} was written across the repeated hour while nobody watched: all of it counts as {hour}',
    fields: { path: 'string', hour: 'string' },
  },
  'tail.hour-ahead': {
    level: 'warn',
    text: '{path} names the hour {hour}, which begins in more than a day: it is shipped, and ends no hour before it',
    fields: { path: 'string', hour: 'string' },
  },
  'tail.hour-missing': {
    level: 'warn',
    text: '{path} names an hour that does not exist in {zone}: shipped as {hour}, counted towards no day',
    fields: { path: 'string', hour: 'string', zone: 'string' },
  },
  'tail.unreadable': {
    level: 'warn',
    text: 'Cannot read {path}: {reason}',
    fields: { path: 'string', reason: 'string' },
  },
  'tail.replaced': {
    level: 'warn',
    text: '{path} was written anew after its hour {hour} had been shipped: all its lines come as late lines, those that were shipped before once more',
    fields: { path: 'string', hour: 'string' },
  },
  'tail.passed-over': {
    level: 'warn',
    text: '{path} is passed over: {reason}',
    fields: { path: 'string', reason: 'string' },
  },
  'tail.not-linked': {
    level: 'warn',
    text: 'No hard link to {path}, and perhaps to others beside it: if it is deleted, it is readable only until this node ends',
    fields: { path: 'string' },
  },
  'tail.lost': {
    level: 'error',
    text: '{bytes} bytes of {path} are lost: {reason}',
    fields: { path: 'string', bytes: 'number', reason: 'string', ...segment },
  },
  'cut.line-split': {
    level: 'warn',
    text: 'A line of {path}, from byte {offset} on, is longer than {limit} bytes: it is split over several packs',
    fields: { path: 'string', offset: 'number', limit: 'number' },
  },
  'cut.hour-ended': {
    level: 'info',
    text: '{host}/{stream}/{hour} ended: {packs} packs, {lines} lines ({split_lines} split), {bytes} bytes (generation {generation})',
    fields: {
      ...segment,
      packs: 'number',
      lines: 'number',
      split_lines: 'number',
      bytes: 'number',
      generation: 'number',
    },
  },
  'cut.late': {
    level: 'warn',
    text: '{host}/{stream}/{hour} grew after its end: reopened as generation {generation}',
    fields: { ...segment, generation: 'number' },
  },
  'cut.unproven': {
    level: 'error',
    text: '{host}/{stream}/{hour} has late lines and cannot be sealed with them: since this node was started, its SHA-256 can only be continued by reading all of it again, and the file that was {path} is deleted or replaced',
    fields: { ...segment, path: 'string' },
  },
  'send.connected': {
    level: 'info',
    text: 'Connected to {node} at {address}',
    fields: { node: 'string', address: 'string' },
  },
  'send.disconnected': {
    level: 'warn',
    text: 'No connection to {address}: {reason}; next try in {delay_ms} ms',
    fields: { address: 'string', reason: 'string', delay_ms: 'number' },
  },
  'send.refused': {
    level: 'error',
    text: '{reason} Next try in {delay_ms} ms',
    fields: { address: 'string', reason: 'string', delay_ms: 'number' },
  },
  'send.pack-refused': {
    level: 'error',
    text: 'Pack {id} of {host}/{stream}/{hour} was refused for good ({code}): {reason}',
    fields: { ...segment, id: 'number', code: 'string', reason: 'string' },
  },
  'send.pack-deferred': {
    level: 'warn',
    text: 'Pack {id} of {host}/{stream}/{hour} was not taken ({code}): {reason}; it will be sent again',
    fields: { ...segment, id: 'number', code: 'string', reason: 'string' },
  },

  'receive.listening': { level: 'info', text: 'Listening on {address}', fields: { address: 'string' } },
  'receive.connected': {
    level: 'info',
    text: '{node} connected from {peer}',
    fields: { node: 'string', peer: 'string' },
  },
  'receive.disconnected': {
    level: 'info',
    text: '{node} disconnected from {peer}',
    fields: { node: 'string', peer: 'string' },
  },
  'receive.refused': {
    level: 'warn',
    text: 'Refused a connection from {peer} ({code}): {reason}',
    fields: { peer: 'string', code: 'string', reason: 'string' },
  },
  'receive.bad-frame': {
    level: 'warn',
    text: 'Closed the connection from {peer} ({code}): {reason}',
    fields: { peer: 'string', code: 'string', reason: 'string' },
  },
  'receive.bad-pack': {
    level: 'warn',
    text: 'Refused pack {id} of {host}/{stream}/{hour} from {peer} ({code}): {reason}',
    fields: { ...segment, id: 'number', peer: 'string', code: 'string', reason: 'string' },
  },
  'store.conflict': {
    level: 'error',
    text: 'Other bytes came under the name of pack {id} of {host}/{stream}/{hour}: kept the first',
    fields: { ...segment, id: 'number' },
  },
  'store.failed': {
    level: 'warn',
    text: 'Cannot store packs: {reason}; they stay with their agents',
    fields: { reason: 'string' },
  },
  'store.missing': {
    level: 'error',
    text: '{host}/{stream}/{hour} has to wait: {reason}',
    fields: { ...segment, reason: 'string' },
  },
  'store.lost': {
    level: 'error',
    text: '{bytes} bytes of pack {id} of {host}/{stream}/{hour} are lost at the agent: {reason}',
    fields: { ...segment, id: 'number', bytes: 'number', reason: 'string' },
  },
  'seal.sealed': {
    level: 'info',
    text: 'Sealed {host}/{stream}/{hour}: {packs} packs, {lines} lines, {bytes} bytes, {sha256} (generation {generation})',
    fields: {
      ...segment,
      packs: 'number',
      lines: 'number',
      bytes: 'number',
      sha256: 'string',
      generation: 'number',
    },
  },
  'seal.day-complete': {
    level: 'info',
    text: 'Day {day} of {host}/{stream} is complete: {hours} hours sealed',
    fields: { host: 'string', stream: 'string', day: 'string', hours: 'number' },
  },
  'seal.refused': {
    level: 'error',
    text: 'Seal of {host}/{stream}/{hour} refused: {reason}',
    fields: { ...segment, reason: 'string' },
  },
  'seal.failed': {
    level: 'warn',
    text: 'Cannot seal {host}/{stream}/{hour} yet: {reason}',
    fields: { ...segment, reason: 'string' },
  },
  'seal.markers-removed': {
    level: 'warn',
    text: 'Removed {files} marker files that the ledger does not have as sealed: {examples}',
    fields: { files: 'number', examples: 'string' },
  },
  'seal.incomplete': {
    level: 'error',
    text: 'Closed {host}/{stream}/{hour} as incomplete: {reason}',
    fields: { ...segment, reason: 'string' },
  },
} as const satisfies Record<string, EventSpec>;

export type EventName = keyof typeof EVENTS;

type FieldType<Kind> = Kind extends 'number' ? number : string;

/** The fields that an event of this name must be given. */
export type EventFields<Name extends EventName> = {
  readonly [Field in keyof (typeof EVENTS)[Name]['fields']]: FieldType<
    (typeof EVENTS)[Name]['fields'][Field]
  >;
};

/** Says that something happened. Passed down to every part; tests pass one that collects. */
export type Emit = <Name extends EventName>(name: Name, fields: EventFields<Name>) => void;
