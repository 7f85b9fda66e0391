/**
 * What a sink tells the monitor over its HTTP listener.
 *
 *   GET /hours?after=N&limit=1000        the ledger's id, the number of its newest change, who somebody said is expected or retired, and of
 *                                        each segment whose last change has a number above N: [number, stream, host, label, letter]
 *   GET /hours/{stream}/{host}/{hour}    one segment: packs, gaps, seal, outputs
 *
 * Both read the ledger in its own thread and are bounded; neither stands in the way of the intake.
 */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Deliveries } from '../../ledger/delivery.ts';
import type { Expectations } from '../../ledger/expectation.ts';
import type { LedgerIdentity } from '../../ledger/identity.ts';
import type { Ledger, PackRecord, Seal, SegmentRecord } from '../../ledger/ledger.ts';
import { isHourLabel, isName } from '../../pack/name.ts';
import { hourLetter } from '../../report/hour-letter.ts';
import type { SegmentKey } from '../../pack/pack.ts';

const MOST_PACKS = 2_000;
const MOST_GAPS = 200;

const pageQuery = z.object({
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(5_000).default(1_000),
});

const packAnswer = ({ header, arrivedAt }: PackRecord) => ({
  ...{ id: header.id, offset: header.offset, bytes: header.bytes, lines: header.lines },
  ...{ arrivedAt, time: header.time, generation: header.generation },
});

const segmentAnswer = (segment: SegmentRecord) => ({
  ...{ state: segment.state, generation: segment.generation, packs: segment.packs },
  ...{ lines: segment.lines, bytes: segment.bytes },
  expectedPacks: segment.expected?.packs ?? null,
  expectedBytes: segment.expected?.bytes ?? null,
  expectedLines: segment.expected?.lines ?? null,
  ...{ firstArrival: segment.firstArrival, lastArrival: segment.lastArrival, lastLine: segment.lastLine },
  ...(segment.reason !== undefined && { reason: segment.reason }),
});

const sealAnswer = ({ sha256, lines, bytes, packs, generation, sealedAt }: Seal) => ({
  ...{ sha256, lines, bytes, packs, generation, sealedAt },
});

const outputsOf = async (ledger: Deliveries, key: SegmentKey, { generation, highestId }: SegmentRecord) => {
  const outputs = await ledger.outputs();
  const deliveries = await Promise.all(outputs.map(({ name }) => ledger.delivery(name, key)));
  return deliveries
    .filter((each) => each !== undefined)
    .map(({ output, delivered, dropped, rejected, error, ...at }) => ({
      ...{ output, delivered, dropped, rejected, done: at.generation >= generation || at.nextId > highestId },
      ...(error !== undefined && { error }),
    }));
};

const hourAnswer = async (
  ledger: Ledger & Deliveries,
  locate: (key: SegmentKey) => string,
  key: SegmentKey,
) => {
  const segment = await ledger.segment(key);
  if (segment === undefined) return { segment: null };
  const packs = await ledger.packs(key, 0, MOST_PACKS + 1);
  const seal = (await ledger.seals(key)).find((each) => each.generation === segment.generation);
  return {
    segment: segmentAnswer(segment),
    packs: packs.slice(0, MOST_PACKS).map(packAnswer),
    morePacks: packs.length > MOST_PACKS,
    gaps: await ledger.gaps(key, MOST_GAPS),
    seal: seal === undefined || segment.state !== 'sealed' ? null : sealAnswer(seal),
    outputs: await outputsOf(ledger, key, segment),
    storedFile: locate(key),
  };
};

export const addHours = (
  app: FastifyInstance,
  ledger: Ledger & Deliveries & Expectations & Pick<LedgerIdentity, 'mark'>,
  locate: (key: SegmentKey) => string,
): void => {
  app.get('/hours', async (request, reply) => {
    const asked = pageQuery.safeParse(request.query);
    if (!asked.success) return reply.code(400).send({ error: 'after and limit are numbers.' });
    const { after, limit } = asked.data;
    const newest = await ledger.newestChange();
    const changes = await ledger.changes(after, limit);
    return {
      ...{ ledger: ledger.mark().id, newest, expectations: await ledger.expectations() },
      changes: changes.map(({ change, segment }) => [
        ...[change, segment.stream, segment.host, segment.hour, hourLetter(segment)],
      ]),
    };
  });
  app.get<{ Params: { stream: string; host: string; hour: string } }>(
    '/hours/:stream/:host/:hour',
    async ({ params: { stream, host, hour } }, reply) => {
      if (!isName(stream) || !isName(host) || !isHourLabel(hour))
        return reply.code(400).send({ error: 'A stream, a host and an hour such as 2026112216 are needed.' });
      return hourAnswer(ledger, locate, { stream, host, hour });
    },
  );
};
