/** A sink that may open few files: it closes those that are idle, and goes on. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { startLogd } from './process.ts';

const STREAMS = 60;
const MOST_FILES = 60;
const HOUR = '2026112216';

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
};

test(
  `hours of ${STREAMS} streams are sealed by a sink that may open ${MOST_FILES} files`,
  { timeout: 120_000 },
  async (context) => {
    const dir = await mkdtemp(join(tmpdir(), 'logd-few-'));
    context.after(() => rm(dir, { recursive: true, force: true }));
    const address = `127.0.0.1:${await freePort()}`;
    await mkdir(join(dir, 'logs'));
    const names = Array.from({ length: STREAMS }, (_, n) => `s${n}`);
    for (const name of names)
      await writeFile(join(dir, 'logs', `${name}.${HOUR}`), `a line of ${name}\n`.repeat(20));
    const end = { grace: '1s', quiet: '3s' };
    const streams = names.map((name) => [name, { path: join(dir, 'logs', `${name}.<%Y%m%d%H>`), end }]);
    const configs = {
      agent: { node: 'web1', agent: { send_to: address, streams: Object.fromEntries(streams) as unknown } },
      sink: { node: 'logs', sink: { listen: address, store: { kind: 'file', dir: join(dir, 'store') } } },
    };
    for (const [role, config] of Object.entries(configs))
      await writeFile(join(dir, `${role}.yaml`), stringify({ ...config, state_dir: join(dir, role) }));
    const { signal } = context;
    await using sink = startLogd({
      name: 'sink',
      config: join(dir, 'sink.yaml'),
      signal,
      mostFiles: MOST_FILES,
    });
    const told = await sink.event('receive.few-descriptors');
    assert.equal(told['limit'], MOST_FILES);
    assert.match(told.message, /Raise LimitNOFILE/);
    await using agent = startLogd({ name: 'agent', config: join(dir, 'agent.yaml'), signal });
    try {
      for (const stream of names) await sink.event('seal.sealed', (event) => event['stream'] === stream);
    } catch (error) {
      throw new Error(`${sink.tail()}\n${agent.tail()}`, { cause: error });
    }
    const failed = sink.events.filter(({ event }) => event === 'store.failed').map(({ message }) => message);
    assert.deepEqual(failed, []);
  },
);
