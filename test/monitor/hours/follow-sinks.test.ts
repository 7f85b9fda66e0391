/** A monitor's follower against the HTTP of a real ledger, with the store of a monitor. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fastify } from 'fastify';
import type { OpenLedger } from '../../../src/ledger/ledger-kind.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite/sqlite-ledger.ts';
import { createHourBook, type HourBook } from '../../../src/monitor/hours/hour-cells.ts';
import { hourTable } from '../../../src/monitor/hours/hour-table.ts';
import { openHourZone } from '../../../src/monitor/hours/hour-zone.ts';
import { followSinks, type SinkFollower } from '../../../src/monitor/hours/follow-sinks.ts';
import { openSql } from '../../../src/monitor/store/registry.ts';
import { hourIndex } from '../../../src/pack/hour-index.ts';
import { addHours } from '../../../src/roles/sink/hours-http.ts';
import { end, lastPack, pack, sealOf } from '../../ledger/packs.ts';

const zone = openHourZone('UTC');
const keyOf = (host: string, hour: string) => ({ host, stream: 'access', hour });

const sealHour = async (ledger: OpenLedger, host: string, hour: string): Promise<void> => {
  await ledger.commit([lastPack(1, { ...keyOf(host, hour), done: end(1) })]);
  await ledger.seal(sealOf((await ledger.segment(keyOf(host, hour)))!));
};

interface Follow {
  readonly book: HourBook;
  readonly sinks: SinkFollower;
  readonly asked: string[];
  letters(host: string, hours: number): string;
}

interface Room {
  readonly ledger: OpenLedger;
  /** A start of the monitor. */
  follow(): Promise<Follow>;
  /** Another ledger answers under the name of the sink. */
  replace(): Promise<OpenLedger>;
  isAway: boolean;
  now: number;
}

const createRoom = async (t: TestContext): Promise<Room> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-follow-'));
  const disposals = new AsyncDisposableStack();
  t.after(async () => {
    await disposals.disposeAsync();
    await rm(dir, { recursive: true, force: true });
  });
  const serve = async (name: string) => {
    const ledger = disposals.use(await openSqliteLedger({ path: join(dir, name, 'ledger.db') }));
    const app = fastify();
    addHours(app, ledger, (key) => `/stored/${key.host}`);
    disposals.defer(() => app.close());
    return { ledger, url: await app.listen({ host: '127.0.0.1', port: 0 }) };
  };
  let sink = await serve('first');
  const sql = disposals.use(await openSql({ kind: 'sqlite' }, dir));
  const room: Room = {
    ...{ ledger: sink.ledger, isAway: false, now: 1_000 },
    async follow() {
      const [book, table, asked] = [createHourBook(), hourTable(sql), [] as string[]];
      await table.load(book);
      const sinks = followSinks({
        ...{ book, table, zone, now: () => room.now, changed: () => undefined },
        sinks: () => [{ source: 'sink', url: sink.url }],
        async ask(url) {
          asked.push(new URL(url).search);
          if (room.isAway) throw new Error('It does not answer.');
          return (await fetch(url)).json();
        },
      });
      const from = hourIndex('2026112600');
      const letters = (host: string, hours: number): string =>
        Array.from({ length: hours }, (_, n) => book.row('access', host)?.letter(from + n) ?? '.').join('');
      return { book, sinks, asked, letters };
    },
    async replace() {
      sink = await serve('second');
      return sink.ledger;
    },
  };
  return room;
};

test('hours come once, then only what changes; a restart goes on from there', async (t) => {
  const room = await createRoom(t);
  const { ledger } = room;
  await sealHour(ledger, 'web1', '2026112600');
  await ledger.commit([pack(1, keyOf('web1', '2026112601'))]);
  await ledger.commit([pack(1, keyOf('web2', '2026112600'))]);
  await ledger.close(keyOf('web2', '2026112600'), 'refused', 'Other bytes.');
  const first = await room.follow();
  await first.sinks.round();
  assert.deepEqual([first.letters('web1', 3), first.letters('web2', 2)], ['so.', 'r.']);
  await ledger.close(keyOf('web1', '2026112601'), 'incomplete', 'Gone.');
  await first.sinks.round();
  assert.equal(first.letters('web1', 3), 'si.');

  const again = await room.follow();
  assert.equal(again.letters('web1', 3), 'si.');
  await sealHour(ledger, 'web1', '2026112602');
  await again.sinks.round();
  assert.equal(again.letters('web1', 3), 'sis');
  assert.match(again.asked[0]!, /after=[1-9]/);
});

test('pages are bounded, and all of them are read', async (t) => {
  const room = await createRoom(t);
  const hosts = Array.from({ length: 4_100 }, (_, n) => `h${n}`);
  await room.ledger.commit(hosts.map((host) => pack(1, keyOf(host, '2026112600'))));
  const { sinks, asked, book } = await room.follow();
  await sinks.round();
  assert.equal(book.rows('access').length, hosts.length);
  assert.equal(asked.length, 3);
});

test('another ledger under the same name is read from its beginning, and the old hours go', async (t) => {
  const room = await createRoom(t);
  for (const hour of ['2026112600', '2026112601']) await sealHour(room.ledger, 'web1', hour);
  const follow = await room.follow();
  await follow.sinks.round();
  const second = await room.replace();
  for (const hour of ['2026112601', '2026112602', '2026112603', '2026112604'])
    await sealHour(second, 'web1', hour);
  await follow.sinks.round();
  assert.equal(follow.letters('web1', 5), '.ssss');
  assert.equal((await room.follow()).letters('web1', 5), '.ssss');
});

test('what somebody told the sink of who is expected is followed too', async (t) => {
  const room = await createRoom(t);
  await room.ledger.expect({ stream: 'audit', host: 'web9', since: '2026112600' });
  await room.ledger.expect({ stream: 'access', host: 'web2', retired: '2026112601' });
  const { sinks } = await room.follow();
  await sinks.round();
  assert.deepEqual(
    [...sinks.expectations()],
    [
      ['access/web2', { retired: hourIndex('2026112601') }],
      ['audit/web9', { since: hourIndex('2026112600') }],
    ],
  );
});

test('a sink that does not answer is told, with when it last did, also after a restart', async (t) => {
  const room = await createRoom(t);
  await sealHour(room.ledger, 'web1', '2026112600');
  const first = await room.follow();
  await first.sinks.round();
  assert.deepEqual(first.sinks.states(), [{ source: 'sink', answeredAt: 1_000 }]);
  room.isAway = true;
  await first.sinks.round();
  assert.deepEqual(first.sinks.states(), [
    { source: 'sink', answeredAt: 1_000, reason: 'It does not answer.' },
  ]);
  assert.equal(first.letters('web1', 1), 's');
  const again = await room.follow();
  await again.sinks.round();
  assert.equal(again.sinks.states()[0]?.answeredAt, Date.UTC(2026, 10, 26));
});

test('what is no page of hours is refused whole', async (t) => {
  const room = await createRoom(t);
  const { book } = await room.follow();
  const table = { cursor: () => Promise.resolve({ at: 0, ledger: '' }) } as never;
  for (const changes of [
    undefined,
    [[1, 'access', '../x', '2026112600', 's']],
    [[1, 'access', 'web1', 'x', 's']],
  ]) {
    const sinks = followSinks({
      ...{ book, table, zone, now: () => 1, changed: () => undefined },
      sinks: () => [{ source: 'sink', url: 'http://x' }],
      ask: () => Promise.resolve({ ledger: 'a', newest: 1, changes, expectations: [] }),
    });
    await sinks.round();
    assert.match(sinks.states()[0]?.reason ?? '', /does not answer with hours/);
    assert.deepEqual(book.streams(), []);
  }
});
