/** The live stream: a page that was away is told what it missed, and after a restart of the monitor to read everything again. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { fastify } from 'fastify';
import { addLive, createLiveLog } from '../../../src/monitor/api/live.ts';
import type { Topic } from '../../../src/monitor/watch.ts';

interface LiveEvent {
  readonly id: string;
  readonly event: string;
  readonly data: { readonly topics?: readonly Topic[] };
}

const startServer = async (test: TestContext) => {
  const listeners: ((topic: Topic) => void)[] = [];
  const app = fastify({ forceCloseConnections: true });
  const onChange = (listener: (topic: Topic) => void) => {
    listeners.push(listener);
    return () => undefined;
  };
  const live = addLive(
    app,
    { onChange },
    { check: () => Promise.resolve({ caller: undefined }) },
    () => 1_000,
  );
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  test.after(async () => {
    await live[Symbol.asyncDispose]();
    await app.close();
  });
  return {
    url: `${url}/api/live`,
    change: (topic: Topic) => {
      for (const each of listeners) each(topic);
    },
  };
};

/** The first events of a stream. */
const read = async (
  url: string,
  count: number,
  headers: Record<string, string> = {},
  act: () => void = () => undefined,
): Promise<LiveEvent[]> => {
  const response = await fetch(url, { headers });
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  act();
  const events: LiveEvent[] = [];
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const {
        id = '',
        event = '',
        data = '{}',
      } = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s))) as Partial<
        Record<string, string>
      >;
      events.push({ id, event, data: JSON.parse(data) as LiveEvent['data'] });
    }
    if (events.length >= count) break;
  }
  return events;
};

describe('the live stream', { timeout: 60_000 }, () => {
  it('tells a page that comes back what it missed, once', async (test) => {
    const server = await startServer(test);
    const [first, changed] = await read(server.url, 2, {}, () => {
      server.change('nodes');
      server.change('hours');
    });
    assert.deepEqual([first?.event, changed?.event], ['alive', 'changed']);
    assert.deepEqual(changed?.data.topics, ['nodes', 'hours']);
    await read(server.url, 2, {}, () => server.change('alerts'));
    await read(server.url, 2, {}, () => server.change('alerts'));
    const [, missed] = await read(server.url, 2, { 'last-event-id': changed?.id ?? '' });
    assert.deepEqual([missed?.event, missed?.data.topics], ['changed', ['alerts']]);
    // A new stream has the id in its address; what the browser sends by itself is newer.
    const [, all] = await read(`${server.url}?after=${first?.id}`, 2);
    assert.deepEqual(all?.data.topics, ['nodes', 'hours', 'alerts']);
    const [, newer] = await read(`${server.url}?after=${first?.id}`, 2, {
      'last-event-id': changed?.id ?? '',
    });
    assert.deepEqual(newer?.data.topics, ['alerts']);
  });

  it('tells a page of another start of the monitor to read everything again', async (test) => {
    const server = await startServer(test);
    for (const id of ['0123456789abcdef-7', 'nonsense', '-', 'x'.repeat(5_000), '%00-1'])
      assert.equal((await read(server.url, 2, { 'last-event-id': id }))[1]?.event, 'again', id);
    const [alive] = await read(server.url, 1);
    const ahead = (alive?.id ?? '').replace(/\d+$/, '99');
    assert.equal((await read(`${server.url}?after=${ahead}`, 2))[1]?.event, 'again');
  });

  it('keeps one number for each topic, however much changes', () => {
    const log = createLiveLog('run');
    const start = log.id();
    for (let n = 0; n < 10_000; n++) log.add(['nodes']);
    log.add(['verdict']);
    assert.deepEqual(log.since(start), ['nodes', 'verdict']);
    assert.deepEqual(log.since('run-10000'), ['verdict']);
    assert.deepEqual(log.since(log.id()), []);
  });
});
