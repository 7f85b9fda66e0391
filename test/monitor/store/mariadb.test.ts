import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { eventLog } from '../../../src/monitor/events/event-log.ts';
import { nodeTable } from '../../../src/monitor/nodes/node-table.ts';
import { openSql } from '../../../src/monitor/store/registry.ts';
import type { Sql } from '../../../src/monitor/store/sql.ts';
import { monitorStoreContract } from '../../contract/monitor-store.ts';
import { type MariadbServer, mariadbServerFor } from '../../servers/mariadb-server.ts';

const open = ({ port }: MariadbServer, database: string): Promise<Sql> =>
  openSql({ kind: 'mariadb', host: '127.0.0.1', port, user: 'root', database }, '/nowhere');

const node = { ip: '10.0.0.1', port: 1, role: 'agent', hostname: 'n', name: 'n', registeredAt: 0 };
const eventOf = (number: number) => ({
  ...({
    at: 1000 + number,
    address: '',
    node: 'n',
    role: '',
    level: 'warn',
    event: 'e',
    message: 'm',
  } as const),
  ...{ fields: {}, origin: `run/${number}` },
});

/** Tries until it works: the database may be away. */
const insist = async (work: () => Promise<void>): Promise<void> => {
  for (;;)
    try {
      return await work();
    } catch (error) {
      assert.ok(error instanceof Error && 'retryable' in error && error.retryable === true, String(error));
      await setTimeout(20);
    }
};

const proveContract = async (test: TestContext, server: MariadbServer): Promise<void> => {
  let number = 0;
  for (const [name, property] of Object.entries(monitorStoreContract))
    await test.test(name, async () => {
      const database = `contract${++number}`;
      await server.database(database);
      // Opened twice: the second opening finds the tables there.
      const first = await open(server, database);
      await nodeTable(first).list();
      await first[Symbol.asyncDispose]();
      await using sql = await open(server, database);
      await property(sql);
    });
};

/** The tables as a Go system has them, with a row in each. */
const goTables = [
  'CREATE TABLE go.registered_node (ip VARCHAR(32), port INT, role VARCHAR(32), hostname VARCHAR(64), ctime DATETIME, UNIQUE KEY (ip, port))',
  'CREATE TABLE go.service_error_log (ctime DATETIME, ip VARCHAR(32), role VARCHAR(32), error_type VARCHAR(32), error_msg TEXT)',
  "INSERT INTO go.registered_node VALUES ('10.0.0.8', 27441, 'tail', 'vm', '2026-11-22 16:00:00')",
  "INSERT INTO go.service_error_log VALUES ('2026-11-22 16:03:11', '10.0.0.8:27441', 'tail', 'ERROR', 'old')",
];

describe('the store of a monitor: mariadb', () => {
  it('fulfils the contract, and more', async (test) => {
    await using server = (await mariadbServerFor(test)) ?? null;
    if (server === null) return;
    await proveContract(test, server);

    await test.test('monitors that start together make the tables once', async () => {
      await server.database('together');
      const all = await Promise.all(Array.from({ length: 4 }, () => open(server, 'together')));
      await Promise.all(all.map((sql) => nodeTable(sql).register(node)));
      assert.equal((await nodeTable(all[0]!).list()).length, 1);
      for (const sql of all) await sql[Symbol.asyncDispose]();
    });

    await test.test('takes over the tables of a Go system, whose monitor may go on', async () => {
      await server.database('go');
      for (const sql of goTables) await server.run(sql);
      await using sql = await open(server, 'go');
      assert.deepEqual(
        (await nodeTable(sql).list()).map(({ ip, role, hostname }) => [ip, role, hostname]),
        [['10.0.0.8', 'tail', 'vm']],
      );
      const log = eventLog(sql);
      const [old] = await log.search({ limit: 9 });
      assert.deepEqual([old?.message, old?.at], ['old', Date.UTC(2026, 10, 22, 16, 3, 11)]);
      await log.add([eventOf(1), { ...eventOf(2), message: 'm'.repeat(4_000) }]);
      await server.run(
        "INSERT INTO go.service_error_log (ctime, ip, error_msg) VALUES ('2026-11-23 00:00:00', 'x', 'y')",
      );
      assert.equal((await log.search({ limit: 9 })).length, 4);
    });

    await test.test('killed and restarted under load: what was answered is there, once', async () => {
      await server.database('killed');
      await using sql = await open(server, 'killed');
      const log = eventLog(sql);
      const load = Promise.all(
        Array.from({ length: 300 }, (_, number) => insist(() => log.add([eventOf(number)]))),
      );
      await server.kill();
      await assert.rejects(log.search({ limit: 1 }), { code: 'storage', retryable: true });
      await server.start();
      await load;
      const found = await log.search({ limit: 1000 });
      assert.deepEqual(
        found.map(({ at }) => at).sort((a, b) => a - b),
        [...Array.from({ length: 300 }, (_, number) => 1000 + number)],
      );
    });
  });

  it('may be dead at the start', async (test) => {
    await using server = (await mariadbServerFor(test, { start: false })) ?? null;
    if (server === null) return;
    await using sql = await open(server, 'later');
    await assert.rejects(nodeTable(sql).list(), { code: 'storage', retryable: true });
    await server.start();
    await server.database('later');
    await nodeTable(sql).register(node);
    assert.equal((await nodeTable(sql).list()).length, 1);
  });
});
