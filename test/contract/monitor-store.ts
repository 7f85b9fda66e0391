/** What every database of a monitor must do, over the statements that stand on it. */
import assert from 'node:assert/strict';
import { alertTable } from '../../src/monitor/alerts/alert-table.ts';
import { eventLog, type LoggedEvent, NO_HEARTBEAT } from '../../src/monitor/events/event-log.ts';
import { createHourBook } from '../../src/monitor/hours/hour-cells.ts';
import { hourTable } from '../../src/monitor/hours/hour-table.ts';
import { nodeTable, type RegisteredNode } from '../../src/monitor/nodes/node-table.ts';
import { openUsers } from '../../src/monitor/api/users.ts';
import {
  FINE_MS,
  KEPT_MS,
  STEP_MS,
  type StreamPoint,
  streamPointTable,
} from '../../src/monitor/nodes/stream-points.ts';
import type { Sql } from '../../src/monitor/store/sql.ts';

const node = (more: Partial<RegisteredNode> = {}): RegisteredNode => ({
  ...{ ip: '10.0.0.1', port: 7668, role: 'agent', hostname: 'web1', name: 'web1', version: '0.1.0' },
  ...{ registeredAt: 1_795_000_000_000, ...more },
});
const goNode = (ip: string): RegisteredNode => ({
  ...{ ip, port: 27_441, role: 'tail', hostname: 'vm', registeredAt: 1_795_000_000_000 },
});
const event = (more: Partial<LoggedEvent> = {}): LoggedEvent => ({
  ...{ at: 1_795_000_000_000, address: '10.0.0.1:7668', node: 'web1', role: 'agent', level: 'warn' },
  ...{ event: 'send.disconnected', message: 'No connection', fields: { delay_ms: 5 }, ...more },
});

const point = (at: number, more: Partial<StreamPoint> = {}): StreamPoint => ({
  ...{ stream: 'access', at, samples: 2, lineRates: 20, byteRates: 2000.5, lag: 1.25, ...more },
});

/** The properties, by name; each is given a database that is empty. */
export const monitorStoreContract: Readonly<Record<string, (sql: Sql) => Promise<void>>> = {
  async 'registers, updates and unregisters a node'(sql) {
    const nodes = nodeTable(sql);
    await nodes.register(node());
    await nodes.register(node({ version: '0.2.0' }));
    assert.deepEqual(await nodes.list(), [node({ version: '0.2.0' })]);
    await nodes.unregister('10.0.0.1', 7668);
    assert.deepEqual(await nodes.list(), []);
  },
  async 'a node under another address replaces itself, and nobody else'(sql) {
    const nodes = nodeTable(sql);
    await nodes.register(node());
    await nodes.register(node({ name: 'WEB1', hostname: 'WEB1', ip: '10.0.0.2' }));
    await nodes.register(node({ ip: '10.0.0.9' }));
    await nodes.register(goNode('10.0.0.3'));
    await nodes.register(goNode('10.0.0.4'));
    const found = (await nodes.list()).map(({ name = 'go', ip }) => `${name} ${ip}`).sort();
    assert.deepEqual(found, ['WEB1 10.0.0.2', 'go 10.0.0.3', 'go 10.0.0.4', 'web1 10.0.0.9']);
  },
  async 'shows rows that were written by hand'(sql) {
    await sql.write([{ sql: "INSERT INTO registered_node (ip, port) VALUES ('10.0.0.3', 99)" }]);
    const [found] = await nodeTable(sql).list();
    assert.deepEqual([found?.ip, found?.port, found?.name, found?.role], ['10.0.0.3', 99, undefined, '']);
  },
  async 'keeps an event that is sent again once, and one that nobody counts each time'(sql) {
    const log = eventLog(sql);
    await log.add([event({ origin: 'run/1' }), event({ origin: 'run/2' })]);
    await log.add([event({ origin: 'run/2' }), event({ origin: 'run/3' }), event(), event()]);
    assert.equal((await log.search({ limit: 100 })).length, 5);
  },
  async 'finds events, the newest first, page by page, whatever is in them'(sql) {
    const log = eventLog(sql);
    const message = 'It\'s 100% "odd" \\ _ \u{1f4a5}; DROP TABLE x --';
    await log.add([
      event({ at: 1000 }),
      event({ at: 2000, node: 'web2', level: 'error' }),
      event({ at: 3000, message, fields: { reason: message } }),
      event({ at: 4000, event: 'monitor.node-silent', type: NO_HEARTBEAT }),
    ]);
    const found = async (filter: object): Promise<number[]> =>
      (await log.search({ limit: 10, ...filter })).map(({ at }) => at);
    const [, odd] = await log.search({ limit: 2 });
    assert.deepEqual([odd?.message, odd?.fields, odd?.at], [message, { reason: message }, 3000]);
    assert.deepEqual(await found({ before: odd?.id }), [2000, 1000]);
    assert.deepEqual(await found({ node: 'web2' }), [2000]);
    assert.deepEqual(await found({ node: 'WEB2' }), []);
    assert.deepEqual(await found({ level: 'error', event: 'send.disconnected' }), [2000]);
    assert.deepEqual(await found({ level: 'warn' }), [4000, 3000, 1000]);
    assert.deepEqual(await found({ text: '100% "ODD"' }), [3000]);
    assert.deepEqual(await found({ text: '100_' }), []);
    assert.deepEqual(await found({ since: 2500 }), [4000, 3000]);
  },
  async 'counts events by node and kind'(sql) {
    const log = eventLog(sql);
    await log.add([
      ...Array.from({ length: 1240 }, (_, n) => event({ at: 1000 + n, message: `try ${n}` })),
      event({ at: 9000, node: 'web2' }),
    ]);
    assert.deepEqual(
      (await log.groups(0, 10)).map((each) => [each.node, each.count, each.first, each.last, each.message]),
      [
        ['web1', 1240, 1000, 2239, 'try 1239'],
        ['web2', 1, 9000, 9000, 'No connection'],
      ],
    );
  },
  async 'removes events that are too old, also those of a Go monitor, which has only ctime'(sql) {
    const log = eventLog(sql);
    const own = (at: string): string =>
      `INSERT INTO service_error_log (ctime, ip, error_type, error_msg) VALUES ('${at}', 'x', 'ERROR', 'go')`;
    await log.add([event({ at: 1000 }), event({ at: Date.UTC(2026, 10, 22) })]);
    await sql.write([{ sql: own('2026-11-21 23:59:59') }, { sql: own('2026-11-22 00:00:01') }]);
    await log.trim(Date.UTC(2026, 10, 22));
    assert.deepEqual(
      (await log.search({ limit: 9, since: Date.UTC(2026, 10, 22) })).map(({ at }) => at),
      [Date.UTC(2026, 10, 22, 0, 0, 1), Date.UTC(2026, 10, 22)],
    );
    assert.equal((await log.search({ limit: 9 })).length, 2);
  },
  async 'keeps hours of hosts whose names differ in capitals only apart'(sql) {
    const table = hourTable(sql);
    const row = (host: string, cells: string) => ({
      ...{ source: 'sink', stream: 'access', host, day: '20261122', cells: cells.padEnd(24, '.') },
    });
    await table.save('sink', { at: 7, ledger: 'a' }, [row('web1', 'ss'), row('WEB1', 'o')]);
    await table.save('sink', { at: 8, ledger: 'b' }, [row('web1', 'sss')]);
    const book = createHourBook();
    await table.load(book);
    assert.equal(book.dayCells('sink', 'access', 'web1', '20261122').slice(0, 4), 'sss.');
    assert.equal(book.dayCells('sink', 'access', 'WEB1', '20261122').slice(0, 4), 'o...');
    assert.deepEqual(await table.cursor('sink'), { at: 8, ledger: 'b' });
    await table.save('gone', { at: 3, ledger: 'c' }, [{ ...row('web1', 's'), source: 'gone' }]);
    await table.forget('gone');
    assert.deepEqual(await table.cursor('gone'), { at: 0, ledger: '' });
    await table.expect('access', 'web1', { since: 1 });
    assert.deepEqual([...(await table.expectations())], [['access/web1', { since: 1 }]]);
  },
  async 'opens, changes and resolves alerts'(sql) {
    const alerts = alertTable(sql);
    await alerts.begin({ key: 'node/a', severity: 'error', title: 'a is down' }, 1);
    await alerts.begin({ key: 'node/b', severity: 'warn', title: 'b is down' }, 2);
    const [second] = await alerts.open();
    await alerts.retitle(second!.id, 'b is down for long', 'error');
    await alerts.resolve(second!.id, 3);
    assert.deepEqual(
      (await alerts.open()).map(({ key }) => key),
      ['node/a'],
    );
    assert.deepEqual(
      (await alerts.history(10)).map(({ title, resolvedAt }) => [title, resolvedAt]),
      [
        ['b is down for long', 3],
        ['a is down', undefined],
      ],
    );
  },
  async 'knows users, sessions and what they did'(sql) {
    const users = await openUsers(sql, () => 1000);
    await users.put('ann', 'a long password', 'operate');
    assert.equal(await users.check('Ann', 'a long password'), undefined);
    const secret = await users.begin('ann');
    assert.deepEqual(await users.session(secret), { name: 'ann', role: 'operate' });
    await users.record('ann', 'test alerts', 'x');
    assert.equal((await users.actions(9)).length, 1);
    assert.equal(await users.remove('ann'), true);
    assert.equal(await users.session(secret), undefined);
  },
  async 'keeps points of streams: each ten minutes for two days, each hour for a month'(sql) {
    const table = streamPointTable(sql);
    const hour = 3_600_000;
    const now = Date.UTC(2026, 10, 26, 3, 17);
    const old = Date.UTC(2026, 10, 23, 5);
    await table.save([point(now), point(now, { stream: 'ACCESS', lag: null })]);
    await table.save([point(now, { lag: 7 })]);
    await table.save([point(old), point(old + STEP_MS, { samples: 0, lineRates: 0, byteRates: 0, lag: 9 })]);
    await table.save([point(old + hour, { lag: null })]);
    // Whole hours only are joined: this one is not two days old as a whole.
    const edge = point(now - FINE_MS - STEP_MS);
    await table.save([edge]);
    await table.thin(now);
    await table.thin(now);
    assert.deepEqual(await table.read(STEP_MS, 0), [
      point(now, { stream: 'ACCESS', lag: null }),
      edge,
      point(now, { lag: 7 }),
    ]);
    const hourly = [point(old, { lag: 9 }), point(old + hour, { lag: null })];
    assert.deepEqual(await table.read(hour, 0), hourly);
    assert.deepEqual(await table.read(hour, old + 1), hourly.slice(1));
    await table.thin(old + KEPT_MS + 1);
    const left = (await table.read(hour, 0)).map(({ at }) => at);
    assert.deepEqual([Math.min(...left), left.includes(old)], [old + hour, false]);
  },
  async 'writes all of it or nothing'(sql) {
    const add = "INSERT INTO registered_node (ip, port) VALUES ('10.0.0.7', 1)";
    const wrong = 'INSERT INTO no_such_table VALUES (1)';
    await assert.rejects(sql.write([{ sql: add }, { sql: wrong }]), { code: 'storage' });
    assert.deepEqual(await sql.all('SELECT * FROM registered_node'), []);
    await sql.write([{ sql: add }]);
    assert.equal((await sql.all('SELECT * FROM registered_node')).length, 1);
  },
};
