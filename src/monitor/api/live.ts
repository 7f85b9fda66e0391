/**
 * Server-sent events: which topics may have changed. The page asks again for what it shows of them, so that one way of reading serves both.
 *
 *   event: changed   data: {"topics":["nodes","hours"]}   at most once a second; to a page that comes back: all topics that it missed
 *   event: again     data: {"now":1795363391000}          the monitor was restarted since: everything may have changed
 *   event: alive     data: {"now":1795363391000}          at the start, and every five seconds
 *
 * Each event has the id `RUN-NUMBER`: which start of the monitor, and how many changes it has sent. Of each topic the number of its last
 * change is kept, which is all that a page needs that was away, however long: it sends the last id that it saw, as browsers do by
 * themselves (Last-Event-ID), or as `?after=ID` where it opens a new stream.
 */
import { randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Topic, Watch } from '../watch.ts';
import type { Gate } from './route.ts';

const ALIVE_EVERY_MS = 5_000;
const GATHER_MS = 1_000;
const MOST_CLIENTS = 256;
const ID = /^([\w]{1,32})-(\d{1,15})$/;
const HEADERS = {
  ...{ 'content-type': 'text/event-stream', 'cache-control': 'no-store' },
  'x-content-type-options': 'nosniff',
};

/** What was sent, as far as somebody who was away must know it. */
export interface LiveLog {
  /** Of the last change that was sent. */
  id(): string;
  /** Counts a change that is sent now. */
  add(topics: Iterable<Topic>): void;
  /** What changed after an id; undefined where it is of no or another start of the monitor. */
  since(id: string): Topic[] | undefined;
}

export const createLiveLog = (run: string): LiveLog => {
  const last = new Map<Topic, number>();
  let number = 0;
  return {
    id: () => `${run}-${number}`,
    add(topics) {
      number++;
      for (const topic of topics) last.set(topic, number);
    },
    since(id) {
      const [, ofRun, seen] = ID.exec(id) ?? [];
      if (ofRun !== run || Number(seen) > number) return undefined;
      return [...last].flatMap(([topic, at]) => (at > Number(seen) ? [topic] : []));
    },
  };
};

/** The last id that the page saw; undefined for a page that is new. A header is newer than the address of the stream. */
const lastSeen = ({ headers, query }: FastifyRequest): string | undefined => {
  const id = headers['last-event-id'] ?? (query as { readonly after?: unknown }).after;
  return typeof id === 'string' && id !== '' ? id : undefined;
};

const eventText = (id: string, event: string, data: object): string =>
  `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

/** What a page gets first. */
const greeting = (log: LiveLog, seen: string | undefined, now: number): string => {
  const alive = eventText(log.id(), 'alive', { now });
  if (seen === undefined) return alive;
  const topics = log.since(seen);
  if (topics === undefined) return `${alive}${eventText(log.id(), 'again', { now })}`;
  return topics.length === 0 ? alive : `${alive}${eventText(log.id(), 'changed', { topics })}`;
};

export const addLive = (
  app: FastifyInstance,
  watch: Pick<Watch, 'onChange'>,
  gate: Gate,
  now: () => number,
): AsyncDisposable => {
  const clients = new Set<(text: string) => void>();
  const topics = new Set<Topic>();
  const log = createLiveLog(randomBytes(8).toString('hex'));
  const sendAll = (event: string, data: object): void => {
    const text = eventText(log.id(), event, data);
    for (const send of clients) send(text);
  };
  let gathering: NodeJS.Timeout | undefined;
  const stop = watch.onChange((topic) => {
    topics.add(topic);
    gathering ??= setTimeout(() => {
      gathering = undefined;
      log.add(topics);
      sendAll('changed', { topics: [...topics] });
      topics.clear();
    }, GATHER_MS);
  });
  const alive = setInterval(() => sendAll('alive', { now: now() }), ALIVE_EVERY_MS);

  app.get('/api/live', async (request, reply) => {
    const checked = await gate.check({ needs: 'view' }, request);
    if ('status' in checked) return reply.code(checked.status).send({ error: checked.error });
    if (clients.size >= MOST_CLIENTS) return reply.code(503).send({ error: 'Too many pages are open.' });
    reply.hijack();
    const { raw } = reply;
    // It may have gone while its session was looked up.
    if (raw.destroyed) return reply;
    raw.writeHead(200, HEADERS);
    // A page that does not read is left out, so that nothing gathers for it.
    const send = (text: string): void => void (raw.writableLength < 65_536 ? raw.write(text) : raw.destroy());
    clients.add(send);
    raw.on('close', () => clients.delete(send));
    send(greeting(log, lastSeen(request), now()));
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
