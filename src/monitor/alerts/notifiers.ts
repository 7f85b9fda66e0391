/** Ways to tell people: a webhook, e-mail, a command. Each gets one message with all that is new. */
import { spawn } from 'node:child_process';
import { LogdError } from '../../error.ts';
import type { AlertOptions } from './options.ts';

/** What is sent at once. */
export interface AlertMessage {
  /** Sentences of problems that have begun. */
  readonly opened: readonly string[];
  /** Sentences of problems that are over. */
  readonly resolved: readonly string[];
  /** Address of the page, where it is known. */
  readonly page?: string;
  readonly test?: boolean;
}

export interface Notifier {
  readonly name: string;
  send(message: AlertMessage): Promise<void>;
}

const TIMEOUT_MS = 10_000;

/** As a person reads it. */
export const messageText = ({ opened, resolved, page, test }: AlertMessage): string =>
  [
    ...(test === true ? ['This is a test of logd alerts. Nothing is wrong.'] : []),
    ...opened,
    ...resolved.map((title) => `Resolved: ${title}`),
    ...(page === undefined ? [] : [page]),
  ].join('\n');

const subjectOf = (message: AlertMessage): string => {
  const [first = 'test'] = [...message.opened, ...message.resolved.map((title) => `Resolved: ${title}`)];
  const more = message.opened.length + message.resolved.length - 1;
  return `logd: ${first}${more > 0 ? ` (and ${more} more)` : ''}`;
};

const post = async (url: string, body: unknown): Promise<void> => {
  const response = await fetch(url, {
    method: 'POST',
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  await response.arrayBuffer();
  if (!response.ok)
    throw new LogdError('unreachable', `The webhook answers ${response.status}.`, { retryable: true });
};

const webhook = (url: string, form: 'json' | 'slack'): Notifier => ({
  name: 'webhook',
  send: (message) =>
    post(url, form === 'slack' ? { text: messageText(message) } : { source: 'logd', ...message }),
});

const email = (smtp: string, from: string, to: readonly string[]): Notifier => ({
  name: 'email',
  async send(message) {
    const { createTransport } = await import('nodemailer');
    const timeouts = {
      connectionTimeout: TIMEOUT_MS,
      greetingTimeout: TIMEOUT_MS,
      socketTimeout: TIMEOUT_MS,
    };
    const transport = createTransport({ url: smtp, ...timeouts });
    try {
      await transport.sendMail({
        from,
        to: [...to],
        subject: subjectOf(message),
        text: messageText(message),
      });
    } finally {
      transport.close();
    }
  },
});

/** The command gets the message as JSON on standard input. */
const command = (line: string): Notifier => ({
  name: 'command',
  send: (message) =>
    new Promise((resolve, reject) => {
      const child = spawn('/bin/sh', ['-c', line], {
        stdio: ['pipe', 'ignore', 'ignore'],
        timeout: TIMEOUT_MS,
      });
      child.on('error', reject);
      child.on('close', (code, signal) => {
        if (code === 0) resolve();
        else
          reject(new LogdError('storage', `The command ended with ${signal ?? code}.`, { retryable: true }));
      });
      child.stdin.on('error', () => undefined);
      child.stdin.end(`${JSON.stringify(message)}\n`);
    }),
});

export const notifiersOf = (options: AlertOptions): Notifier[] => [
  ...(options.webhook === undefined ? [] : [webhook(options.webhook, options.webhook_form)]),
  ...(options.smtp === undefined ? [] : [email(options.smtp, options.mail_from, options.mail_to ?? [])]),
  ...(options.command === undefined ? [] : [command(options.command)]),
];
