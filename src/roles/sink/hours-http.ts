/**
 * What a sink tells the monitor over its HTTP listener.
 *
 *   GET /hours?after=N&limit=1000        the ledger's id, the number of its newest change, who somebody said is expected or retired, and of
 *                                        each segment whose last change has a number above N: [number, stream, host, label, letter]
 *   GET /hours/{stream}/{host}/{hour}    one segment: packs, gaps and their bytes, seal, outputs, source check, repull
 *   POST /hours/{stream}/{host}/{hour}/repull  what `logd repull` does: missing and damaged packs come again; see src/repull
 *
 * All use the ledger in its own thread and are bounded; none stands in the way of the intake.
 */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Deliveries, Delivery } from '../../ledger/delivery.ts';
import type { Expectations } from '../../ledger/expectation.ts';
import type { LedgerIdentity } from '../../ledger/identity.ts';
import type { Gap, Ledger, PackRecord, Seal, SegmentRecord } from '../../ledger/ledger.ts';
import type { Repulls } from '../../ledger/repull.ts';
import { isHourLabel, isName } from '../../pack/name.ts';
import { freshDelivery, isBeforeStart } from '../../outputs/due.ts';
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
  expectedSha256: segment.expected?.sha256 ?? null,
  ...{ source: segment.source ?? 'unchecked', sourcePlace: segment.sourcePlace ?? null },
  removed: segment.removed ?? null,
  archived: segment.archived === true,
  ...{ firstArrival: segment.firstArrival, lastArrival: segment.lastArrival, lastLine: segment.lastLine },
  ...(segment.reason !== undefined && { reason: segment.reason }),
});

const sealAnswer = ({ sha256, lines, bytes, packs, generation, sealedAt }: Seal) => ({
  ...{ sha256, lines, bytes, packs, generation, sealedAt },
});

/** Which bytes of the hour a gap takes: between its neighbours. The end is null while nobody knows it. */
const gapAnswer = async (ledger: Ledger, { expected, ...key }: SegmentRecord, gap: Gap) => {
  const { before, after } = await ledger.around(key, gap.from);
  const start = before === undefined ? 0 : before.header.offset + before.header.bytes;
  return { ...gap, start, end: after?.header.offset ?? expected?.bytes ?? null };
};

/** Lines that an output was given, counted apart from what it says of them; null where the packs are too many to count. */
const linesGiven = (
  { nextId, generation }: Pick<Delivery, 'nextId' | 'generation'>,
  { packs, seals, hasMore }: { packs: readonly PackRecord[]; seals: readonly Seal[]; hasMore: boolean },
): number | null => {
  // An output of whole hours has no next pack.
  if (nextId === 1) return seals.find((seal) => seal.generation === generation)?.lines ?? 0;
  if (hasMore && nextId > (packs.at(-1)?.header.id ?? 0) + 1) return null;
  return packs.reduce((sum, { header }) => sum + (header.id < nextId ? header.lines : 0), 0);
};

const outputsOf = async (
  ledger: Deliveries,
  segment: SegmentRecord,
  known: Parameters<typeof linesGiven>[1],
) => {
  const records = (await ledger.outputs()).filter((each) => !isBeforeStart(segment, each));
  const found = await Promise.all(
    records.map(({ name }) =>
      ledger.delivery(name, segment).then((each) => each ?? freshDelivery(name, segment)),
    ),
  );
  return found.map(({ output, delivered, dropped, rejected, error, ...at }) => ({
    ...{ output, delivered, dropped, rejected, given: linesGiven(at, known) },
    done: at.generation >= segment.generation || at.nextId > segment.highestId,
    nextPack: at.nextId > 1 ? at.nextId : null,
    ...(error !== undefined && { error }),
  }));
};

type HourLedger = Ledger & Deliveries & Repulls;

const hourAnswer = async (ledger: HourLedger, locate: (key: SegmentKey) => string, key: SegmentKey) => {
  const segment = await ledger.segment(key);
  const request = await ledger.repull(key);
  const repull = request === undefined ? null : { ...request, note: request.note ?? null };
  if (segment === undefined) return { segment: null, repull };
  const found = await ledger.packs(key, 0, MOST_PACKS + 1);
  const [packs, hasMore] = [found.slice(0, MOST_PACKS), found.length > MOST_PACKS];
  const seals = await ledger.seals(key);
  const seal = seals.find((each) => each.generation === segment.generation);
  const gaps = await ledger.gaps(key, MOST_GAPS);
  return {
    segment: segmentAnswer(segment),
    packs: packs.map(packAnswer),
    morePacks: hasMore,
    gaps: await Promise.all(gaps.map((gap) => gapAnswer(ledger, segment, gap))),
    seal: seal === undefined || segment.state !== 'sealed' ? null : sealAnswer(seal),
    outputs: await outputsOf(ledger, segment, { packs, seals, hasMore }),
    storedFile: locate(key),
    repull,
  };
};

interface NamedHour {
  Params: SegmentKey;
}

/** One hour: what is known of it, and having it sent again. */
const addHour = (app: FastifyInstance, ledger: HourLedger, locate: (key: SegmentKey) => string): void => {
  const keyOf = ({ stream, host, hour }: SegmentKey): SegmentKey | undefined =>
    isName(stream) && isName(host) && isHourLabel(hour) ? { host, stream, hour } : undefined;
  const WRONG = { error: 'A stream, a host and an hour such as 2026112216 are needed.' };
  app.get<NamedHour>('/hours/:stream/:host/:hour', async ({ params }, reply) => {
    const key = keyOf(params);
    return key === undefined ? reply.code(400).send(WRONG) : hourAnswer(ledger, locate, key);
  });
  app.post<NamedHour>('/hours/:stream/:host/:hour/repull', async ({ params }, reply) => {
    const key = keyOf(params);
    if (key === undefined) return reply.code(400).send(WRONG);
    if ((await ledger.segment(key)) === undefined)
      return reply.code(404).send({ error: 'This sink has nothing of that hour.' });
    // The same question twice is one: a second click does not begin it again.
    const before = await ledger.repull(key);
    if (before?.state !== 'waiting') await ledger.requestRepull(key, [], Date.now());
    return { ok: true };
  });
};

export const addHours = (
  app: FastifyInstance,
  ledger: HourLedger & Expectations & Pick<LedgerIdentity, 'mark'>,
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
  addHour(app, ledger, locate);
};
