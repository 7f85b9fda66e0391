/** What an agent reports of its files, their lines and their hours: a part of the list in events.ts. */
import { type EventSpec, segment } from './event-spec.ts';

export const FILE_EVENTS = {
  'tail.found': {
    level: 'info',
    text: 'Following {path} as {stream} {hour}',
    fields: { path: 'string', stream: 'string', hour: 'string' },
  },
  'tail.hour-repeated': {
    level: 'warn',
    text: '{path} was written during the hour that the clock repeats, while no agent ran. All its lines count as {hour}.',
    fields: { path: 'string', hour: 'string' },
  },
  'tail.hour-ahead': {
    level: 'warn',
    text: 'The name of {path} says {hour}, which begins in more than a day. The file is shipped, but it does not end earlier hours. Check the clock of the writer.',
    fields: { path: 'string', hour: 'string' },
  },
  'tail.hour-missing': {
    level: 'warn',
    text: 'The name of {path} says an hour that does not exist in {zone}. It is shipped as {hour} and counts for no day.',
    fields: { path: 'string', hour: 'string', zone: 'string' },
  },
  'tail.unreadable': {
    level: 'warn',
    text: 'Cannot read {path}: {reason}',
    fields: { path: 'string', reason: 'string' },
  },
  'tail.replaced': {
    level: 'warn',
    text: '{path} was rewritten after {hour} was shipped. The whole file is sent again as late lines, so lines already shipped appear twice.',
    fields: { path: 'string', hour: 'string' },
  },
  'tail.no-file': {
    level: 'warn',
    text: 'No file matches {path} of stream {stream}. {reason} It is looked for again and again.',
    fields: { stream: 'string', path: 'string', reason: 'string' },
  },
  'tail.passed-over': {
    level: 'warn',
    text: '{path} is not followed: {reason}',
    fields: { path: 'string', reason: 'string' },
  },
  'tail.not-linked': {
    level: 'warn',
    text: 'Cannot hard-link {path}, and perhaps other files in its directory. If the file is deleted, it can be read only until this node stops.',
    fields: { path: 'string' },
  },
  'tail.not-kept': {
    level: 'warn',
    text: '{path}, and perhaps other files, can neither be hard-linked nor kept open: this process may open {limit} files. They are opened by their names; one that is deleted before it was read is lost. Raise LimitNOFILE (ulimit -n), or put state_dir on the file system of the logs.',
    fields: { path: 'string', limit: 'number' },
  },
  'tail.lost': {
    level: 'error',
    text: '{bytes} bytes of {path} are lost: {reason}',
    fields: { path: 'string', bytes: 'number', reason: 'string', ...segment },
  },
  'tail.sent-again': {
    level: 'warn',
    text: '{path} has the name of a file of {hour} that was shipped and is gone, and does not begin with the same bytes. All of it is sent as late lines; those that were shipped before appear twice.',
    fields: { path: 'string', hour: 'string' },
  },
  'tail.reserved': {
    level: 'info',
    text: '{path} ends in zeros: its writer has reserved room. The file is read up to its last byte that is not zero.',
    fields: { path: 'string' },
  },
  'source.changed': {
    level: 'error',
    text: '{host}/{stream}/{hour} was changed on its host after it was sent: {place} What is stored is what was read; only the host can say which of the two is right.',
    fields: { ...segment, place: 'string' },
  },
  'cut.line-split': {
    level: 'warn',
    text: 'A line of {path} that begins at byte {offset} is longer than {limit} bytes. It is split over several packs; no byte is lost.',
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
    text: 'Late lines came for {host}/{stream}/{hour} after its end. The hour is open again as generation {generation} and will be sealed again.',
    fields: { ...segment, generation: 'number' },
  },
  'cut.unproven': {
    level: 'error',
    text: '{host}/{stream}/{hour} cannot be sealed: recomputing its SHA-256 after a restart needs {path}, which was deleted or replaced.',
    fields: { ...segment, path: 'string' },
  },
} as const satisfies Record<string, EventSpec>;
