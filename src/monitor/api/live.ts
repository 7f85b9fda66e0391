/**
 * Server-sent events: which topics may have changed. The page asks again for what it shows of them, so that one way of reading serves both.
 *
 *   event: changed   data: {"topics":["nodes","hours"]}   at most once a second
 *   event: alive     data: {"now":1795363391000}          every five seconds
 */
import type { FastifyInstance } from 'fastify';
import type { Topic, Watch } from '../watch.ts';
import type { Gate, Route } from './route.ts';

const ALIVE_EVERY_MS = 5_000;
const GATHER_MS = 1_000;
const MOST_CLIENTS = 256;

export const addLive = (
  app: FastifyInstance,
  watch: Watch,
  gate: Gate,
  now: () => number,
): AsyncDisposable => {
  const clients = new Set<(text: string) => void>();
  const topics = new Set<Topic>();
  const sendAll = (event: string, data: object): void => {
    const text = `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
    for (const send of clients) send(text);
  };
  let gathering: NodeJS.Timeout | undefined;
  const stop = watch.onChange((topic) => {
    topics.add(topic);
    gathering ??= setTimeout(() => {
      gathering = undefined;
      sendAll('changed', { topics: [...topics] });
      topics.clear();
    }, GATHER_MS);
  });
  const alive = setInterval(() => sendAll('alive', { now: now() }), ALIVE_EVERY_MS);

  app.get('/api/live', async (request, reply) => {
    const checked = await gate.check({ needs: 'view' } as Route, request);
    if ('status' in checked) return reply.code(checked.status).send({ error: checked.error });
    if (clients.size >= MOST_CLIENTS) return reply.code(503).send({ error: 'Too many pages are open.' });
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    // A page that does not read is left out, so that nothing gathers for it.
    const send = (text: string): void => void (raw.writableLength < 65_536 ? raw.write(text) : raw.destroy());
    clients.add(send);
    raw.on('close', () => clients.delete(send));
    send(`event: alive\ndata: ${JSON.stringify({ now: now() })}\n\n`);
    return reply;
  });
  return {
    [Symbol.asyncDispose]: () => {
      stop();
      clearTimeout(gathering);
      clearInterval(alive);
      return Promise.resolve();
    },
  };
};
