/**
 * The one list of everything that a node reports. Log lines and metrics are made from it.
 *
 * Levels mean something. info: a change of state. warn: something went wrong and no data is lost.
 * error: data was lost, or a promise is broken. debug: for the developers of logd.
 * A `{field}` in the text is replaced by that field; all fields are in the log line besides.
 */
import { type EventSpec, segment } from './event-spec.ts';
import { FILE_EVENTS } from './file-events.ts';
import { MONITOR_EVENTS } from './monitor-events.ts';
import { NODE_EVENTS } from './node-events.ts';
import { RETENTION_EVENTS } from './retention-events.ts';

export const EVENTS = {
  ...NODE_EVENTS,
  'http.listening': { level: 'info', text: 'HTTP on {address}', fields: { address: 'string' } },

  ...FILE_EVENTS,
  ...RETENTION_EVENTS,
  'send.connected': {
    level: 'info',
    text: 'Connected to {node} at {address}',
    fields: { node: 'string', address: 'string' },
  },
  'send.disconnected': {
    level: 'warn',
    text: '{reason} Next try in {delay_ms}; lines wait in their files.',
    fields: { address: 'string', reason: 'string', delay_ms: 'number' },
  },
  'send.back': {
    level: 'info',
    text: '{address} was away {away}: {tries} tries to connect, {packs} packs deferred',
    fields: { address: 'string', away: 'string', tries: 'number', packs: 'number' },
  },
  'send.ledger-behind': {
    level: 'warn',
    text: '{node} does not have all that it acknowledged: its ledger was restored from an older copy, or is a new one. Packs that it lacks are sent again, as far as their files are still there.',
    fields: { node: 'string' },
  },
  'send.sent-again': {
    level: 'info',
    text: '{packs} packs of {hours} hours, which the ledger of {node} did not have any more, are sent again',
    fields: { node: 'string', packs: 'number', hours: 'number' },
  },
  'send.not-again': {
    level: 'error',
    text: 'The ledger does not have {host}/{stream}/{hour} any more, and this agent cannot send it again: its files are gone. The stored file may still be there.',
    fields: { ...segment },
  },
  'send.repulled': {
    level: 'warn',
    text: '{node} wants packs again: {packs} of {host}/{stream}/{hour} are read from their files and sent again',
    fields: { ...segment, packs: 'number', node: 'string' },
  },
  'send.cannot-repull': {
    level: 'error',
    text: 'Packs {packs} of {host}/{stream}/{hour} are wanted again and cannot be sent: this agent does not remember them any more',
    fields: { ...segment, packs: 'string' },
  },
  'send.refused': {
    level: 'error',
    text: '{reason} Next try in {delay_ms}.',
    fields: { address: 'string', reason: 'string', delay_ms: 'number' },
  },
  'send.pack-refused': {
    level: 'error',
    text: 'Pack {id} of {host}/{stream}/{hour} is refused for good ({code}). {reason}',
    fields: { ...segment, id: 'number', code: 'string', reason: 'string' },
  },
  'send.not-stored': {
    level: 'error',
    text: '{address} has not stored packs for a minute: {reason} {hours} hours wait here; nothing is lost.',
    fields: { address: 'string', hours: 'number', reason: 'string' },
  },
  'send.stored-again': {
    level: 'info',
    text: '{address} stores packs again, after {lasted}. Nothing was lost.',
    fields: { address: 'string', lasted: 'string' },
  },
  'send.pack-deferred': {
    level: 'warn',
    text: 'Pack {id} of {host}/{stream}/{hour} could not be stored yet ({code}), and is sent again. {reason}',
    fields: { ...segment, id: 'number', code: 'string', reason: 'string' },
  },

  'receive.listening': { level: 'info', text: 'Listening on {address}', fields: { address: 'string' } },
  'receive.few-descriptors': {
    level: 'warn',
    text: 'This process may open {limit} files, and needs {needed} when all connections that it takes at {address} are in use. Beyond the limit callers are closed without a word, and packs wait at their agents. Raise LimitNOFILE (ulimit -n), or lower limits.connections.',
    fields: { address: 'string', limit: 'number', needed: 'number' },
  },
  'receive.connected': {
    level: 'info',
    text: '{node} connected from {peer}',
    fields: { node: 'string', peer: 'string' },
  },
  'receive.name-twice': {
    level: 'error',
    text: '{node} is connected twice under one name, from {peer} and {other}. Where both ship the same host and stream, the packs of one are refused and stay in its files. Give each agent a name of its own (node, agent.host).',
    fields: { node: 'string', peer: 'string', other: 'string' },
  },
  'receive.disconnected': {
    level: 'info',
    text: '{node} disconnected from {peer}',
    fields: { node: 'string', peer: 'string' },
  },
  'receive.ledger-older': {
    level: 'warn',
    text: '{node} at {peer} had packs acknowledged that this ledger does not have: it was restored from an older copy. They are sent again, as far as their files are still there.',
    fields: { node: 'string', peer: 'string' },
  },
  'receive.refused': {
    level: 'warn',
    text: 'Refused a connection from {peer} ({code}): {reason}',
    fields: { peer: 'string', code: 'string', reason: 'string' },
  },
  'receive.crowded': {
    level: 'warn',
    text: 'Too many connections to {address} have not said who they are: {closed} that were silent for longest were closed since the last such line. Agents still get in. Find out who opens them.',
    fields: { address: 'string', closed: 'number' },
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
  'spool.taking-over': {
    level: 'warn',
    text: 'The next hop of this relay is slow or away: packs are kept on disk in {dir} until it takes them',
    fields: { dir: 'string' },
  },
  'spool.drained': {
    level: 'info',
    text: 'All packs of the spool in {dir} have been taken by the next hop',
    fields: { dir: 'string' },
  },
  'spool.full': {
    level: 'warn',
    text: 'The spool in {dir} takes no more packs (no room: {reason}): it holds {packs} packs in {bytes} bytes. Senders wait and keep their packs until the next hop takes some',
    fields: { dir: 'string', packs: 'number', bytes: 'number', reason: 'string' },
  },
  'spool.taking-again': {
    level: 'info',
    text: 'The spool in {dir} takes packs again',
    fields: { dir: 'string' },
  },
  'spool.failed': {
    level: 'warn',
    text: 'The spool in {dir} cannot be written: {reason}. Packs stay with their senders',
    fields: { dir: 'string', reason: 'string' },
  },
  'spool.damaged': {
    level: 'error',
    text: '{bytes} bytes of {path} are damaged on disk, and the packs in them are lost to this relay. The sink asks their agents for them, and names those that it cannot have',
    fields: { path: 'string', bytes: 'number' },
  },
  'spool.torn': {
    level: 'warn',
    text: 'The last {bytes} bytes of {path} are no whole pack and were cut off. If a crash stopped the writing of it, its sender still has it. If the disk was damaged, the sink asks its agent for it',
    fields: { path: 'string', bytes: 'number' },
  },
  'spool.pack-damaged': {
    level: 'error',
    text: 'Pack {id} of {host}/{stream}/{hour} is damaged in {path} and is lost to this relay. The sink asks its agent for it, and names it if it cannot have it',
    fields: { ...segment, id: 'number', path: 'string' },
  },
  'spool.pack-refused': {
    level: 'error',
    text: 'The next hop refused pack {id} of {host}/{stream}/{hour} for good ({code}). {reason} It is kept in {path}; see `logd spool list`.',
    fields: { ...segment, id: 'number', code: 'string', reason: 'string', path: 'string' },
  },
  'input.hour-ended': {
    level: 'info',
    text: 'All packs of {host}/{stream}/{hour} have come from the Go system and were taken: {packs} packs, {lines} lines',
    fields: { ...segment, packs: 'number', lines: 'number' },
  },
  'input.gap': {
    level: 'error',
    text: 'Pack {id} of {host}/{stream}/{hour} did not come from the Go system: {reason}. It is a gap from now on',
    fields: { ...segment, id: 'number', reason: 'string' },
  },
  'input.conflict': {
    level: 'error',
    text: 'Pack {id} of {host}/{stream}/{hour} came from the Go system and cannot be used: {reason}. It is kept in {path}',
    fields: { ...segment, id: 'number', reason: 'string', path: 'string' },
  },
  'store.conflict': {
    level: 'error',
    text: 'A different pack {id} of {host}/{stream}/{hour} arrived. The first one is kept. Is another agent also named {host}?',
    fields: { ...segment, id: 'number' },
  },
  'store.failed': {
    level: 'warn',
    text: '{reason} Packs that cannot be stored stay with their agents and come again.',
    fields: { reason: 'string' },
  },
  'store.stopped': {
    level: 'error',
    text: 'Packs could not be stored for a minute. {reason} {hours} hours wait at their agents; nothing is lost.',
    fields: { hours: 'number', reason: 'string' },
  },
  'store.again': {
    level: 'info',
    text: 'Packs are stored again, after {lasted}. Nothing was lost.',
    fields: { lasted: 'string' },
  },
  'store.missing': {
    level: 'error',
    text: '{host}/{stream}/{hour} waits until stored bytes are back: {reason}',
    fields: { ...segment, reason: 'string' },
  },
  'store.lost': {
    level: 'error',
    text: 'The agent lost {bytes} bytes of pack {id} of {host}/{stream}/{hour} before it could send them: {reason}',
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
    text: '{host}/{stream}/{hour} cannot be sealed, it differs from what the agent read: {reason}',
    fields: { ...segment, reason: 'string' },
  },
  'seal.failed': {
    level: 'warn',
    text: 'Cannot seal {host}/{stream}/{hour} yet: {reason} The sink tries again.',
    fields: { ...segment, reason: 'string' },
  },
  'seal.markers-removed': {
    level: 'warn',
    text: 'Removed {files} marker files of hours that the ledger does not have as sealed: {examples}',
    fields: { files: 'number', examples: 'string' },
  },
  'seal.incomplete': {
    level: 'error',
    text: '{host}/{stream}/{hour} is closed as incomplete: {reason}',
    fields: { ...segment, reason: 'string' },
  },
  'repull.asked': {
    level: 'warn',
    text: 'Packs {packs} of {host}/{stream}/{hour} are missing or damaged: {connections} connections are asked to send them again',
    fields: { ...segment, packs: 'string', connections: 'number' },
  },
  'repull.unavailable': {
    level: 'error',
    text: '{host} cannot send pack {from} of {host}/{stream}/{hour}, or some after it, again: {reason}',
    fields: { ...segment, from: 'number', reason: 'string' },
  },
  'repull.repaired': {
    level: 'info',
    text: 'The stored file of {host}/{stream}/{hour} is repaired: {packs} packs came again, and every byte is what its agent read',
    fields: { ...segment, packs: 'number' },
  },
  'repull.restored': {
    level: 'info',
    text: 'The stored file of {host}/{stream}/{hour} is restored from {file}: its content is what was stored',
    fields: { ...segment, file: 'string' },
  },
  'repull.failed': {
    level: 'warn',
    text: 'Cannot repair {host}/{stream}/{hour} yet: {reason} The sink tries again.',
    fields: { ...segment, reason: 'string' },
  },
  'repull.done': {
    level: 'info',
    text: 'What was wanted again of {host}/{stream}/{hour} is here. {note}',
    fields: { ...segment, note: 'string' },
  },
  'repull.incomplete': {
    level: 'error',
    text: 'Not all that was wanted again of {host}/{stream}/{hour} can be had. {note}',
    fields: { ...segment, note: 'string' },
  },
  'output.failed': {
    level: 'warn',
    text: 'Output {output} could not deliver {host}/{stream}/{hour}: {reason} It tries again; the intake goes on and nothing is lost.',
    fields: { output: 'string', ...segment, reason: 'string' },
  },
  'output.delivering': {
    level: 'info',
    text: 'Output {output} delivers again',
    fields: { output: 'string' },
  },
  'output.stuck': {
    level: 'error',
    text: 'Output {output} cannot deliver {host}/{stream}/{hour} and waits for you: {reason} Mend it, then run `logd outputs resume {output}`.',
    fields: { output: 'string', ...segment, reason: 'string' },
  },
  'output.index-refused': {
    level: 'warn',
    text: 'Output {output}: MongoDB refuses an index over {fields} of {collection}: {reason}. Documents are written without it.',
    fields: { output: 'string', collection: 'string', fields: 'string', reason: 'string' },
  },
  ...MONITOR_EVENTS,
} as const satisfies Record<string, EventSpec>;

export type EventName = keyof typeof EVENTS;

type EventFieldType<Kind> = Kind extends 'number' ? number : string;

/** The fields that an event of this name must be given. */
export type EventFields<Name extends EventName> = {
  readonly [Field in keyof (typeof EVENTS)[Name]['fields']]: EventFieldType<
    (typeof EVENTS)[Name]['fields'][Field]
  >;
};

/** Says that something happened. Passed down to every part; tests pass one that collects. */
export type Emit = <Name extends EventName>(name: Name, fields: EventFields<Name>) => void;
