/** What a sink reports of hours that are not kept any more: a part of the list in events.ts. */
import { type EventSpec, segment } from './event-spec.ts';

export const RETENTION_EVENTS = {
  'store.late-refused': {
    level: 'error',
    text: 'Pack {id} of {host}/{stream}/{hour} is refused: {reason}',
    fields: { ...segment, id: 'number', reason: 'string' },
  },
  'retain.removed': {
    level: 'info',
    text: 'Removed the files of {hours} sealed hours, {bytes} bytes (sink.store.retain). Their seals stay.',
    fields: { hours: 'number', bytes: 'number' },
  },
  'retain.archived': {
    level: 'info',
    text: 'Forgot the packs and markers of {hours} sealed hours, {bytes} bytes (sink.ledger.keep_packs). Their seals and files stay.',
    fields: { hours: 'number', bytes: 'number' },
  },
  'retain.failed': {
    level: 'warn',
    text: 'Old hours could not be removed: {reason} They stay, and are tried again.',
    fields: { reason: 'string' },
  },
} as const satisfies Record<string, EventSpec>;
