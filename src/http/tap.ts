/**
 * Lines as they pass a running node, for `logd tap`.
 *
 *   role ─ offer(pack) ─▶ nobody looks: one comparison · somebody looks: a copy of the body, within a budget of bytes a second
 *                          └▶ decoded, one at a time ─▶ GET /tap?stream=&host=&role= : a JSON object in each line
 *
 * Invariant: the data path never waits. What is above the budget, or comes while a pack is being decoded or while the reader is slow, is
 * skipped and counted: each object says how many lines were skipped before it.
 */
import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { decode, free } from '../pack/codec.ts';
import { isName } from '../pack/name.ts';
import type { Pack, PackHeader } from '../pack/pack.ts';
import type { Clock } from '../telemetry/clock.ts';

/** What /tap sends, as JSON in a line. */
export interface TappedLines {
  readonly role: string;
  readonly host: string;
  readonly stream: string;
  readonly hour: string;
  readonly lines: readonly string[];
  /** Lines that passed since the object before, and are not shown. */
  readonly skipped: number;
}

/** Where roles show what passes. */
export interface TapPoint {
  /** Cheap where nobody looks. The body may change as soon as it returns. */
  offer(role: string, pack: Pack): void;
}

export interface Tap extends TapPoint {
  addRoutes(app: FastifyInstance): void;
}

/** Raw bytes that are shown each second, of all packs together. */
const BYTES_A_SECOND = 4 << 20;
const MOST_PACK = 4 << 20;
/** Bytes that wait for a slow reader. */
const MOST_WAITING = 1 << 20;
const MOST_READERS = 8;
const MOST_LINE = 16 << 10;

const tapQuery = z.object({
  stream: z.string().refine(isName),
  host: z.string().refine(isName).optional(),
  role: z.string().max(32).optional(),
});

interface TapReader {
  readonly stream: string;
  readonly host: string | undefined;
  /** The first role that shows the stream, where none was asked for: a line passes an agent and a sink of one node once each. */
  role: string | undefined;
  readonly response: ServerResponse;
  skipped: number;
}

const wants = (reader: TapReader, role: string, { stream, host }: PackHeader): boolean =>
  reader.stream === stream &&
  (reader.host === undefined || reader.host === host) &&
  (reader.role ?? role) === role;

const linesOf = (raw: Buffer): string[] =>
  raw
    .toString('utf8')
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => line.slice(0, MOST_LINE));

const showTo = (
  reader: TapReader,
  role: string,
  { host, stream, hour }: PackHeader,
  lines: string[],
): void => {
  const shown: TappedLines = { role, host, stream, hour, lines, skipped: reader.skipped };
  reader.skipped = 0;
  reader.response.write(`${JSON.stringify(shown)}\n`);
};

export const createTap = (clock: Pick<Clock, 'monotonic'>): Tap => {
  const readers = new Set<TapReader>();
  let isBusy = false;
  let budget = BYTES_A_SECOND;
  let filledAt = clock.monotonic();

  /** Whether so many bytes may be shown now. */
  const claim = (bytes: number): boolean => {
    const now = clock.monotonic();
    budget = Math.min(BYTES_A_SECOND, budget + ((now - filledAt) / 1000) * BYTES_A_SECOND);
    filledAt = now;
    if (isBusy || bytes > MOST_PACK || bytes > budget) return false;
    budget -= bytes;
    return true;
  };
  const show = async (role: string, { header, body }: Pack, to: readonly TapReader[]): Promise<void> => {
    isBusy = true;
    try {
      const raw = await decode(body, header.codec, header.bytes);
      const lines = linesOf(raw);
      if (raw !== body) free(raw);
      for (const reader of to) showTo(reader, role, header, lines);
    } catch {
      // Whoever is to take the pack will say what is wrong with it.
    } finally {
      isBusy = false;
    }
  };
  return {
    offer(role, { header, body }) {
      if (readers.size === 0 || header.lost !== undefined || header.bytes === 0) return;
      const interested = [...readers].filter((reader) => wants(reader, role, header));
      for (const reader of interested) reader.role ??= role;
      const ready = interested.filter(({ response }) => response.writableLength < MOST_WAITING);
      const isShown = ready.length > 0 && claim(header.bytes);
      for (const reader of interested)
        if (!isShown || !ready.includes(reader)) reader.skipped += header.lines;
      if (isShown) void show(role, { header, body: Buffer.from(body) }, ready);
    },
    addRoutes(app) {
      app.get('/tap', async (request, reply) => {
        const { success, data } = tapQuery.safeParse(request.query);
        if (!success)
          return reply.code(400).send({ error: 'Ask for /tap?stream=NAME, perhaps with host=NAME.' });
        if (readers.size >= MOST_READERS)
          return reply.code(429).send({ error: `${MOST_READERS} others look already: try again later.` });
        reply.hijack();
        const response = reply.raw;
        response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
        response.flushHeaders();
        const reader: TapReader = {
          ...{ stream: data.stream, host: data.host, role: data.role },
          response,
          skipped: 0,
        };
        readers.add(reader);
        response.on('error', () => undefined);
        response.on('close', () => readers.delete(reader));
        return reply;
      });
    },
  };
};
