/** The API of completeness, of a monitor that follows the HTTP of a real ledger. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fastify } from 'fastify';
import type { OpenLedger } from '../../../src/ledger/ledger-kind.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite/sqlite-ledger.ts';
import type {
  AlertsAnswer,
  OverviewAnswer,
  StreamLoadAnswer,
  ExpectationsAnswer,
  HourAnswer,
  StatesAnswer,
  StructureAnswer,
  VerdictAnswer,
} from '../../../src/monitor/api/schemas.ts';
import { nodeTable } from '../../../src/monitor/nodes/node-table.ts';
import { hourLabel } from '../../../src/pack/hour-index.ts';
import { addHours } from '../../../src/roles/sink/hours-http.ts';
import { freePort } from '../../roles/free-port.ts';
import { end, lastPack, pack, sealOf } from '../../ledger/packs.ts';
import { HOUR_MS, startRig } from '../rig.ts';

/** So many hours ago: all of these hours are due. */
const THIS_HOUR = Math.floor(Date.now() / HOUR_MS);
const ago = (hours: number): string => hourLabel(THIS_HOUR - hours);
const keyOf = (host: string, hour: string, stream = 'access') => ({ host, stream, hour });

interface Room {
  readonly ledger: OpenLedger;
  get<T>(path: string, headers?: Record<string, string>): Promise<T>;
  raw(path: string, init?: RequestInit): Promise<Response>;
  /** Asks again until it is so. */
  until<T>(path: string, isSo: (answer: T) => boolean): Promise<T>;
  stopSink(): Promise<void>;
}

/** A sink's ledger behind HTTP, known to a monitor. */
const createRoom = async (t: TestContext, settings: object = {}): Promise<Room> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-api-'));
  const ledger = await openSqliteLedger({ path: join(dir, 'ledger.db') });
  const app = fastify({ forceCloseConnections: true });
  addHours(app, ledger, (key) => `/srv/it's/${key.host}.log.zst`);
  const now = Date.now();
  const totals = { packs: 0, lines: 0, bytes: 0, packsPerSecond: 0, linesPerSecond: 0, bytesPerSecond: 0 };
  app.get('/status', () => ({
    ...{ node: 'sink1', version: '0', startedAt: now, now: Date.now() },
    roles: [
      {
        ...{
          role: 'sink',
          state: 'running',
          startedAt: now,
          lag: { bytes: 0, seconds: 0 },
          throughput: totals,
        },
        ...{ openHours: [], openHourCount: 0, gauges: [], errors: [] },
        parts: [{ kind: 'hop', name: 'relay1 → sink1', state: 'running', detail: 'packs wait 3 ms' }],
      },
      {
        ...{ role: 'agent', host: 'web9', state: 'running', startedAt: now, lag: { bytes: 0, seconds: 0 } },
        ...{ throughput: totals, openHours: [], openHourCount: 0, gauges: [], errors: [] },
        parts: [
          {
            ...{ kind: 'stream', name: 'audit', state: 'running', lag: { bytes: 5, seconds: 17 } },
            throughput: { ...totals, linesPerSecond: 3, bytesPerSecond: 300 },
          },
        ],
      },
    ],
  }));
  const port = await freePort();
  await app.listen({ host: '127.0.0.1', port });
  t.after(async () => {
    await app.close();
    await ledger[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  });
  const sink = { ip: '127.0.0.1', port, role: 'sink', hostname: 'h', name: 'sink1', registeredAt: now };
  const { url } = await startRig(t, {
    fill: (sql) => nodeTable(sql).register(sink),
    settings: { zone: 'UTC', late_after: '0s', ...settings },
  });
  const raw = (path: string, init: RequestInit = {}) => fetch(`${url}${path}`, init);
  const get = async <T>(path: string): Promise<T> => {
    const response = await raw(path);
    assert.equal(response.status, 200, await response.clone().text());
    return (await response.json()) as T;
  };
  return {
    ...{ ledger, raw, get },
    async until<T>(path: string, isSo: (answer: T) => boolean) {
      for (;;) {
        const answer = await get<T>(path);
        if (isSo(answer)) return answer;
        await sleep(50);
      }
    },
    stopSink: () => app.close(),
  };
};

const sealHour = async (ledger: OpenLedger, host: string, hour: string, stream?: string): Promise<void> => {
  const key = keyOf(host, hour, stream);
  await ledger.commit([pack(1, key), lastPack(2, { ...key, done: end(2) })]);
  await ledger.seal(sealOf((await ledger.segment(key))!));
};

const TEST = { timeout: 60_000 };
const STATES = `/api/completeness/states?stream=access&from=${ago(4)}&to=${ago(1)}`;
const STRUCTURE = `/api/completeness/structure?stream=access&from=${ago(4)}&to=${ago(1)}`;

test('states, structure and verdict follow the ledger', TEST, async (t) => {
  const room = await createRoom(t);
  for (const hours of [4, 3, 2, 1]) await sealHour(room.ledger, 'web1', ago(hours));
  await sealHour(room.ledger, 'web2', ago(4));
  await room.ledger.commit([pack(1, keyOf('web2', ago(3)))]);
  await room.ledger.close(keyOf('web2', ago(3)), 'incomplete', 'Gone.');
  const states = await room.until<StatesAnswer>(STATES, ({ counts }) => counts['I'] === 1);
  assert.deepEqual(states.hosts, [
    ['web1', 'S4'],
    ['web2', 'S1I1N2'],
  ]);
  assert.deepEqual([states.worst, states.unknown, states.unknownSince], ['S1I1N2', [], null]);

  const structure = await room.get<StructureAnswer>(STRUCTURE);
  assert.deepEqual(structure.hosts, ['web1', 'web2']);
  assert.deepEqual(structure.expected, [
    [ago(4), null],
    [ago(4), null],
  ]);
  assert.deepEqual(structure.columns, [4, 3, 2, 1].map(ago));
  const etag = `"${structure.version}"`;
  assert.equal((await room.raw(STRUCTURE, { headers: { 'if-none-match': etag } })).status, 304);
  await sealHour(room.ledger, 'web3', ago(1));
  await room.until<StatesAnswer>(STATES, ({ hosts }) => hosts.length === 3);
  assert.equal((await room.raw(STRUCTURE, { headers: { 'if-none-match': etag } })).status, 200);

  const verdict = await room.until<VerdictAnswer>('/api/verdict', ({ kind }) => kind === 'I');
  assert.match(verdict.headline, /^1 hour of (today|yesterday) is incomplete: web2\.$/);
  const { open } = await room.until<AlertsAnswer>('/api/alerts', (each) => each.open.length >= 2);
  assert.ok(open.some(({ key, severity }) => key.startsWith('hours/N/access/') && severity === 'error'));
});

test('lag and throughput of a stream are kept and answered; what is missing is null', TEST, async (t) => {
  const room = await createRoom(t);
  const load = await room.until<StreamLoadAnswer>('/api/streams/load', ({ streams }) => streams.length > 0);
  const [audit] = load.streams;
  assert.deepEqual(
    [load.stepMs, load.at.length, load.limitSeconds, audit?.stream],
    [600_000, 144, 0, 'audit'],
  );
  assert.deepEqual(
    [audit?.lagSeconds.at(-1), audit?.linesPerSecond.at(-1), audit?.bytesPerSecond.at(-1)],
    [17, 3, 300],
  );
  assert.deepEqual([audit?.lagSeconds[0], audit?.bytesPerSecond[0]], [null, null]);
  const month = await room.get<StreamLoadAnswer>('/api/streams/load?hours=744');
  assert.deepEqual([month.stepMs, month.at.length], [HOUR_MS, 744]);
  assert.equal((await room.raw('/api/streams/load?hours=745')).status, 400);
  const overview = await room.get<OverviewAnswer>('/api/overview');
  assert.deepEqual(overview.lag, { seconds: 0, node: 'sink1', agents: 1, agentsBelow: 1 });
  assert.equal(overview.nodes.restarted, null, 'all nodes have just started');
});

test('one hour is asked from its sink, with what a person may run', TEST, async (t) => {
  const room = await createRoom(t);
  await sealHour(room.ledger, 'web1', ago(2));
  await room.until<StatesAnswer>(STATES, ({ counts }) => counts['S'] === 1);
  const sealed = await room.get<HourAnswer>(`/api/hours/access/web1/${ago(2)}`);
  assert.deepEqual(
    [sealed.state, sealed.sink, sealed.label, sealed.packs.length, sealed.seal?.lines],
    ['S', 'sink1', ago(2), 2, 4],
  );
  assert.equal(sealed.storedFile, "/srv/it's/web1.log.zst");
  assert.deepEqual(
    sealed.commands.map(({ command }) => command),
    [
      `logd audit -c sink.yaml --host web1 --stream access --hour ${ago(2)}`,
      String.raw`zstdcat '/srv/it'\''s/web1.log.zst' | sha256sum`,
    ],
  );
  const silent = await room.get<HourAnswer>(`/api/hours/access/web1/${ago(1)}`);
  assert.deepEqual([silent.state, silent.segment, silent.sink], ['N', null, null]);
  assert.ok(silent.commands.some(({ command }) => command === 'logd expect retire access web1 -c sink.yaml'));
  for (const path of ['access/web1/20261126', 'access/..%2Fx/2026112600', 'a__b/web1/2026112600'])
    assert.equal((await room.raw(`/api/hours/${path}`)).status, 400, path);
});

test(
  'a missing pack is named with its bytes and asked for once, and who asked is written down',
  TEST,
  async (t) => {
    const room = await createRoom(t);
    const key = keyOf('web1', ago(2));
    await room.ledger.addOutput('markers', 'beginning', 0);
    await room.ledger.commit([pack(1, key), lastPack(3, { ...key, done: end(3) })]);
    await room.ledger.setSource(key, 1, { source: 'same' });
    await room.until<StatesAnswer>(STATES, ({ counts }) => counts['L'] === 1);
    const path = `/api/hours/access/web1/${ago(2)}`;
    const hour = await room.get<HourAnswer>(path);
    assert.deepEqual(hour.gaps, [{ from: 2, to: 2, reason: 'missing', start: 100, end: 200 }]);
    assert.deepEqual(hour.offer, { packs: 'pack 2', bytes: 100, sentence: 'web1 still has the file.' });
    assert.deepEqual(
      [hour.mayRepull, hour.repull, hour.noOffer, hour.hops],
      [true, null, null, [{ name: 'relay1 → sink1', detail: 'packs wait 3 ms' }]],
    );
    assert.deepEqual(
      [hour.segment?.source, hour.segment?.expectedSha256, hour.lateAt, hour.ends - hour.begins],
      ['same', end(3).sha256, (THIS_HOUR - 1) * HOUR_MS, HOUR_MS],
    );
    assert.deepEqual(
      hour.outputs.map(({ output, given, nextPack }) => [output, given, nextPack]),
      [['markers', 0, null]],
    );
    const repull = (headers: Record<string, string>) =>
      room.raw(`${path}/repull`, { method: 'POST', headers });
    assert.equal((await repull({})).status, 403, 'another page');
    assert.equal(await room.ledger.repull(key), undefined);
    assert.equal((await repull({ 'x-logd-request': '1' })).status, 200);
    const asked = await room.ledger.repull(key);
    assert.equal(asked?.state, 'waiting');
    assert.equal((await repull({ 'x-logd-request': '1' })).status, 200);
    assert.equal(
      (await room.ledger.repull(key))?.requestedAt,
      asked?.requestedAt,
      'a second click begins nothing',
    );
    assert.equal((await room.get<HourAnswer>(path)).repull?.step, 'asked');
    const { actions } = await room.get<{ actions: { action: string; detail: string }[] }>('/api/actions');
    assert.ok(
      actions.some(
        ({ action, detail }) => action === 'repull' && detail === `web1/access/${ago(2)}, pack 2, at sink1`,
      ),
    );
    await room.ledger.setSource(key, 1, { source: 'gone' });
    const gone = await room.get<HourAnswer>(path);
    assert.deepEqual(
      [gone.offer, gone.noOffer],
      [null, 'web1 no longer has the file, so the packs cannot be sent again.'],
    );
    const refused = await repull({ 'x-logd-request': '1' });
    assert.deepEqual([refused.status, await refused.json()], [400, { error: gone.noOffer }]);
  },
);

test('a row is expected until it is retired, on a sink or on the page', TEST, async (t) => {
  const room = await createRoom(t);
  await sealHour(room.ledger, 'web1', ago(4));
  await sealHour(room.ledger, 'web2', ago(4));
  await room.until<StatesAnswer>(STATES, ({ counts }) => counts['N'] === 6);
  await room.ledger.expect({ stream: 'access', host: 'web1', retired: ago(3) });
  await room.until<StatesAnswer>(STATES, ({ counts }) => counts['N'] === 3);
  const query = `stream=access&host=web2&since=${ago(2)}`;
  const headers = { 'x-logd-request': '1' };
  const answer = await room.raw(`/api/expectations?${query}`, { method: 'DELETE', headers });
  assert.equal(answer.status, 200, await answer.text());
  const states = await room.get<StatesAnswer>(STATES);
  assert.deepEqual(states.hosts, [
    ['web1', 'S1.3'],
    ['web2', 'S1N1.2'],
  ]);
  assert.deepEqual((await room.get<StructureAnswer>(STRUCTURE)).expected, [
    [ago(4), ago(3)],
    [ago(4), ago(2)],
  ]);
});

test('a stream that an agent follows, and of which nothing came, is expected', TEST, async (t) => {
  const room = await createRoom(t);
  const { expected } = await room.until<ExpectationsAnswer>(
    '/api/expectations',
    (each) => each.expected.length > 0,
  );
  assert.deepEqual(
    expected.map(({ stream, host }) => `${stream}/${host}`),
    ['audit/web9'],
  );
});

test(
  'the hours of a sink that does not answer stay as they were, and the verdict says so',
  TEST,
  async (t) => {
    const room = await createRoom(t, { late_after: '2h' });
    await room.ledger.commit([pack(1, keyOf('web1', ago(1)))]);
    await room.until<StatesAnswer>(STATES, ({ counts }) => counts['O'] === 1);
    await room.stopSink();
    const states = await room.until<StatesAnswer>(STATES, ({ unknown }) => unknown.length > 0);
    assert.deepEqual(
      [states.unknown, typeof states.unknownSince, states.counts['O']],
      [['web1'], 'number', 1],
    );
    const { headline } = await room.until<VerdictAnswer>('/api/verdict', ({ kind }) => kind === 'unknown');
    assert.match(
      headline,
      /^Sink sink1 does not answer: what came since \d\d:\d\d( of yesterday)? is unknown\.$/,
    );
    const hour = await room.get<HourAnswer>(`/api/hours/access/web1/${ago(1)}`);
    assert.match(hour.error ?? '', /^Sink sink1 could not be asked/);
  },
);
