/** The ways to tell people, each to a server or a command that takes it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { notifiersOf } from '../../../src/monitor/alerts/notifiers.ts';
import { alertOptions } from '../../../src/monitor/alerts/options.ts';

const MESSAGE = {
  opened: ['web1 does not answer.', 'Überlauf: "x"'],
  resolved: ['b is late'],
  page: 'http://m/',
};
const notifierOf = (options: Record<string, string>) => notifiersOf(alertOptions.parse(options))[0]!;

const portOf = async (test: TestContext, server: Server): Promise<number> => {
  server.listen(0, '127.0.0.1');
  test.after(() => server.close());
  await once(server, 'listening');
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : 0;
};

/** Takes every mail, as RFC 5321 has it, and keeps what was said. */
const smtpServer = (said: string[]): Server =>
  createServer((socket) => {
    let isBody = false;
    let pending = '';
    socket.write('220 test\r\n');
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      pending += chunk.toString();
      const lines = pending.split('\r\n');
      pending = lines.pop() ?? '';
      for (const line of lines) {
        said.push(line);
        if (isBody && line !== '.') continue;
        isBody = line === 'DATA';
        socket.write(isBody ? '354 go on\r\n' : line === 'QUIT' ? '221 bye\r\n' : '250 ok\r\n');
      }
    });
  });

describe('notifiers', () => {
  for (const form of ['json', 'slack'] as const)
    it(`a webhook gets the ${form} form, and its refusal is a failure`, async (test) => {
      const bodies: unknown[] = [];
      let status = 200;
      const server = createHttpServer((request, response) => {
        let body = '';
        request.on('data', (chunk: Buffer) => (body += chunk.toString()));
        request.on('end', () => {
          bodies.push(JSON.parse(body));
          response.writeHead(status).end();
        });
      });
      const port = await portOf(test, server);
      const notifier = notifierOf({ webhook: `http://127.0.0.1:${port}/`, webhook_form: form });
      await notifier.send(MESSAGE);
      const text = 'web1 does not answer.\nÜberlauf: "x"\nResolved: b is late\nhttp://m/';
      assert.deepEqual(bodies, [form === 'slack' ? { text } : { source: 'logd', ...MESSAGE }]);
      status = 500;
      await assert.rejects(notifier.send(MESSAGE), { code: 'unreachable' });
    });

  it('a mail server gets a mail to everyone', async (test) => {
    const said: string[] = [];
    const port = await portOf(test, smtpServer(said));
    const mail = { mail_from: 'logd@example.com', mail_to: 'a@example.com, b@example.com' };
    await notifierOf({ smtp: `smtp://127.0.0.1:${port}?ignoreTLS=true`, ...mail }).send(MESSAGE);
    const all = said.join('\n');
    assert.match(all, /MAIL FROM:<logd@example\.com>/);
    assert.match(all, /RCPT TO:<a@example\.com>\nRCPT TO:<b@example\.com>/);
    assert.match(all, /Subject: logd: web1 does not answer\. \(and 2 more\)/);
    assert.match(all, /Resolved: b is late/);
    await assert.rejects(notifierOf({ smtp: 'smtp://127.0.0.1:1', ...mail }).send(MESSAGE));
  });

  it('a command gets a line of JSON, and its exit code counts', async (test) => {
    const dir = await mkdtemp(join(tmpdir(), 'logd-alert-'));
    test.after(() => rm(dir, { recursive: true }));
    await notifierOf({ command: `cat > '${dir}/got'` }).send(MESSAGE);
    assert.deepEqual(JSON.parse(await readFile(join(dir, 'got'), 'utf8')), MESSAGE);
    await assert.rejects(notifierOf({ command: 'exit 3' }).send(MESSAGE), /ended with 3/);
  });
});
