/** `monitor.alerts`: who is told, how, and when not. */
import type { z } from 'zod';
import { choice, commaList, duration, integer, text, textWith } from '../../config/kind.ts';
import { group, option } from '../../config/option.ts';
import { LogdError } from '../../error.ts';

/** Minutes of the day, UTC. */
export interface QuietHours {
  readonly from: number;
  readonly to: number;
}

const quietHours = () =>
  textWith('time span', (value): QuietHours => {
    const found = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/.exec(value);
    if (found === null)
      throw new LogdError(
        'config',
        `${JSON.stringify(value.slice(0, 40))} is no span of the day: write 22:00-06:00, in UTC.`,
      );
    const [fromHour = 0, fromMinute = 0, toHour = 0, toMinute = 0] = found.slice(1).map(Number);
    return { from: fromHour * 60 + fromMinute, to: toHour * 60 + toMinute };
  });

export const alertOptions = group('Who is told when something is wrong, and when it is over.', {
  webhook: option(text(), {
    summary: 'Address that gets a POST with what is new.',
    absent: 'no webhook',
    example: 'https://hooks.example.com/logd',
    secret: true,
  }),
  webhook_form: option(choice('json', 'slack'), {
    summary: 'json: {opened, resolved, page}. slack: {text}, which Slack, Mattermost and others take.',
    default: 'json',
    example: 'slack',
  }),
  smtp: option(text(), {
    summary: 'Mail server as an address; with user and password where it needs them.',
    absent: 'no e-mail',
    example: 'smtp://mail.example.com:25',
    secret: true,
  }),
  mail_from: option(text(), {
    summary: 'Sender of e-mails.',
    default: 'logd@localhost',
    example: 'logd@example.com',
  }),
  mail_to: option(commaList(), {
    summary: 'Receivers of e-mails.',
    absent: 'nobody',
    example: 'oncall@example.com,audit@example.com',
  }),
  command: option(text(), {
    summary: 'Shell command that gets the message as a line of JSON on standard input.',
    absent: 'no command',
    example: '/usr/local/bin/page-oncall',
  }),
  gather: option(duration(), {
    summary: 'How long problems are gathered, so that what fails together comes as one message.',
    default: '30s',
    example: '2m',
    max: '1h',
  }),
  least_pause: option(duration(), {
    summary: 'Shortest time between two messages. What happens in between is in the next one.',
    default: '5m',
    example: '15m',
    max: '1d',
  }),
  spool_warn: option(integer(), {
    summary: 'Percent of its bound (relay.spool.size) from which the spool of a relay is a warning.',
    default: '60',
    example: '40',
    min: '1',
    max: '100',
  }),
  spool_error: option(integer(), {
    summary: 'Percent of its bound from which the spool of a relay is an error: senders will soon wait.',
    default: '85',
    example: '75',
    min: '1',
    max: '100',
  }),
  quiet: option(quietHours(), {
    summary: 'Time of day, UTC, in which warnings wait for its end. Errors are sent at once even then.',
    absent: 'never quiet',
    example: '22:00-06:00',
  }),
});

export type AlertOptions = z.output<typeof alertOptions>;
