/** The MongoDB output on a real server: exact counts and contents, whatever is refused, repeated or killed. */
import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { BSON } from 'mongodb';
import { openRejects } from '../../../src/outputs/rejects.ts';
import { type MongoServer, mongoServerFor, openAnyMongoServer } from '../../servers/mongo-server.ts';
import { notTested } from '../../house/needs.ts';
import { jsonPack, openRig, packOf, signal } from './output-rig.ts';

const records = (count: number, from = 0): object[] =>
  Array.from({ length: count }, (_, index) => ({ n: from + index, path: `/p/${from + index}` }));

describe('the MongoDB output', () => {
  let server: MongoServer | undefined;
  before(async () => {
    server = await openAnyMongoServer();
  });
  after(() => server?.[Symbol.asyncDispose]());

  const serverOf = (test: TestContext): MongoServer | undefined => {
    if (server === undefined) notTested(test, 'mongod, or Go to build FerretDB');
    return server;
  };

  it('inserts each line once, however often its pack comes', async (test) => {
    const { uri, client } = serverOf(test) ?? {};
    if (uri === undefined) return;
    await using rig = await openRig(uri, { database: 'once_{day}' });
    for (let times = 0; times < 3; times++)
      assert.deepEqual(await rig.output.deliver(jsonPack(1, records(1234)), signal), {
        delivered: 1234,
        dropped: 0,
        rejected: 0,
      });
    await rig.output.deliver(jsonPack(2, records(10, 1234)), signal);
    const stored = await client?.db('once_20261122').collection('access').find({}).sort({ n: 1 }).toArray();
    assert.deepEqual(
      stored?.map(({ n, path, _id }) => [n, path, String(_id)]),
      Array.from({ length: 1244 }, (_, n) => [
        n,
        `/p/${n}`,
        n < 1234 ? `web1/access/2026112216/1/${n + 1}` : `web1/access/2026112216/2/${n - 1233}`,
      ]),
    );
    assert.equal(rig.output.status().state, 'running');
  });

  it('keeps what the server refuses as rejects, and stores all around it', async (test) => {
    const { uri, client } = serverOf(test) ?? {};
    if (uri === undefined || client === undefined) return;
    await client.db('refused').collection('access').createIndex({ n: 1 }, { unique: true });
    await using rig = await openRig(uri, { database: 'refused' });
    const huge = { n: 3, text: 'x'.repeat(17 << 20) };
    const lines = [{ n: 1 }, { n: 2 }, huge, { n: 1 }, { n: 4 }].map((each) => JSON.stringify(each));
    const pack = packOf(7, Buffer.from([...lines, 'not json', '{"n":5}', ''].join('\n')));
    for (let times = 0; times < 2; times++)
      assert.deepEqual(await rig.output.deliver(pack, signal), { delivered: 4, dropped: 0, rejected: 3 });
    const stored = await client.db('refused').collection('access').find({}).sort({ n: 1 }).toArray();
    assert.deepEqual(
      stored.map(({ n }) => Number(n)),
      [1, 2, 4, 5],
    );
    const rejects = openRejects(rig.stateDir);
    const [file, ...others] = await rejects.list();
    assert.ok(file !== undefined && others.length === 0);
    assert.equal(file.pack, 7);
    const kept = (await rejects.read(file)).map((line) => BSON.EJSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      kept.map(({ lines }) => lines),
      [[3], [4], [6]],
    );
    assert.match(String(kept[0]?.['reason']), /larger than|too large/i);
    assert.match(String(kept[1]?.['reason']), /E11000/);
    assert.equal(kept[2]?.['text'], 'not json');
    await rig.output.deliver(packOf(7, Buffer.from('{"n":9}\n')), signal);
    assert.deepEqual(await rejects.list(), [], 'a pack without rejects any more has no file');
  });

  it('merges by key over packs and hosts, in the order of the lines', async (test) => {
    const { uri, client } = serverOf(test) ?? {};
    if (uri === undefined || client === undefined) return;
    await using rig = await openRig(uri, {
      database: 'merged',
      collection: 'all',
      mode: 'upsert',
      document: 'go-logd',
      without_key: 'skip',
    });
    const line = (host: string, query: string): string =>
      `${host}.example.com 192.0.2.1 - - [22/Nov/2026:16:00:00 +0000] "GET /x?${query} HTTP/1.1" 200 1\n`;
    const pack = (id: number, host: string, queries: readonly string[]) =>
      packOf(id, Buffer.from(queries.map((query) => line(host, query)).join('')), { host });
    const packs = [
      pack(1, 'br', ['transaction_id=t1&a=1', 'transaction_id=t1&a=2&b=1', 'a=9', 'transaction_id=t2&a=3']),
      pack(1, 'de', ['transaction_id=t1&a=7']),
      pack(2, 'br', ['transaction_id=t1&b=5']),
    ];
    for (let times = 0; times < 2; times++) {
      const counts = [];
      for (const each of packs) counts.push(await rig.output.deliver(each, signal));
      assert.deepEqual(counts, [
        { delivered: 3, dropped: 1, rejected: 0 },
        { delivered: 1, dropped: 0, rejected: 0 },
        { delivered: 1, dropped: 0, rejected: 0 },
      ]);
    }
    const stored = await client.db('merged').collection('all').find({}).sort({ transaction_id: 1 }).toArray();
    assert.deepEqual(
      stored.map(({ transaction_id, br_a, br_b, de_a }) => [transaction_id, br_a, br_b, de_a]),
      [
        ['t1', '2', '5', '7'],
        ['t2', '3', undefined, undefined],
      ],
    );
  });

  it('takes hostile documents', async (test) => {
    const { uri, client } = serverOf(test) ?? {};
    if (uri === undefined || client === undefined) return;
    await using rig = await openRig(uri, { database: 'hostile' });
    const hostile = [
      '{"$where":"1","a.b.c":1,"":2,"__proto__":{"x":1},"constructor":3,"toBSON":4,"_bsontype":"Code","length":5}',
      '{"_id":{"$oid":"000000000000000000000000"},"nul\\u0000name":"nul\\u0000value","lone":"\\ud800"}',
      '{"big":123456789012345678901234567890,"deep":[{"$a":{".":[{"x":{"":1}}]}}]}',
      `{${Array.from({ length: 5000 }, (_, index) => `"f${index}":${index}`).join()}}`,
    ];
    const pack = packOf(1, Buffer.from(`${hostile.join('\n')}\n\u0000\n`));
    assert.deepEqual(await rig.output.deliver(pack, signal), { delivered: 4, dropped: 0, rejected: 1 });
    const collection = client.db('hostile').collection('access');
    assert.equal(await collection.countDocuments(), 4);
    const [first] = await collection.find({ a_b_c: 1 }).toArray();
    assert.deepEqual(first, {
      _id: first?._id,
      _where: '1',
      a_b_c: 1,
      _: 2,
      _proto_: { x: 1 },
      constructor: 3,
      toBSON: 4,
      _bsontype_: 'Code',
      length: 5,
    });
  });

  it('goes on without an index that the server refuses, and says so', async (test) => {
    const { uri, client, kind } = serverOf(test) ?? {};
    if (uri === undefined || client === undefined) return;
    await using rig = await openRig(uri, { database: 'indexed', indexes: 'n,path+n', ttl_field: 'time' });
    await rig.output.deliver(jsonPack(1, records(3)), signal);
    const keys = (await client.db('indexed').collection('access').indexes()).map(({ key }) =>
      Object.keys(key).join('+'),
    );
    const made = ['_id', 'n', 'path+n', ...(kind === 'mongod' ? ['time'] : [])];
    assert.deepEqual(keys.sort(), made.sort());
    assert.deepEqual(rig.events, kind === 'mongod' ? [] : ['output.index-refused']);
  });

  it('says when the server refuses the user, without the password', async (test) => {
    const { uri } = serverOf(test) ?? {};
    if (uri === undefined) return;
    await using rig = await openRig(uri.replace('//', '//logd:s3cret-word@'));
    await assert.rejects(
      rig.output.deliver(jsonPack(1, records(1)), signal),
      (error: Error & { retryable?: boolean }) => {
        assert.match(error.message, /refuses the user or the password/);
        assert.doesNotMatch(error.message, /s3cret/);
        return error.retryable === true;
      },
    );
    assert.match(rig.output.status().error ?? '', /refuses the user/);
  });
});

describe('a MongoDB that goes away', () => {
  it('that is dead at the start: delivers once it is there', async (test) => {
    await using server = await mongoServerFor(test, { start: false });
    if (server === undefined) return;
    await using rig = await openRig(server.uri, { connect_timeout: '300ms' });
    const pack = jsonPack(1, records(50));
    await assert.rejects(rig.output.deliver(pack, signal), /MongoDB cannot be reached: .*ECONNREFUSED/);
    await server.start();
    assert.equal((await rig.output.deliver(pack, signal)).delivered, 50);
    assert.equal(await server.client.db('logs_20261122').collection('access').countDocuments(), 50);
  });

  it('that has an unknown host: says so', async () => {
    await using rig = await openRig('mongodb://nohost.invalid/', { connect_timeout: '300ms' });
    await assert.rejects(
      rig.output.deliver(jsonPack(1, records(1)), signal),
      /host name of MongoDB is unknown/,
    );
  });

  it('that is killed at random moments under load: every line is there once', async (test) => {
    await using server = await mongoServerFor(test);
    if (server === undefined) return;
    await using rig = await openRig(server.uri, { connect_timeout: '2s' });
    const packs = Array.from({ length: 12 }, (_, index) => jsonPack(index + 1, records(2000, index * 2000)));
    let failures = 0;
    const deliverAll = async (): Promise<void> => {
      for (const pack of packs)
        for (;;)
          try {
            assert.equal((await rig.output.deliver(pack, signal)).delivered, 2000);
            break;
          } catch (error) {
            if (error instanceof assert.AssertionError || ++failures > 200) throw error;
          }
    };
    let done = false;
    const delivering = deliverAll().finally(() => (done = true));
    for (let kills = 0; kills < 3; kills++) {
      const collection = server.client.db('logs_20261122').collection('access');
      const goal = (kills * 3 + 2) * 2000;
      // Not a number of milliseconds: the kill comes while packs are on their way.
      while (!done && (await collection.countDocuments()) < goal) await new Promise(setImmediate);
      await server.kill();
      await server.start();
    }
    await delivering;
    assert.ok(failures > 0, 'no delivery failed: the server was not killed under load');
    const stored = await server.client
      .db('logs_20261122')
      .collection('access')
      .find({}, { projection: { n: 1 } })
      .toArray();
    assert.deepEqual(
      stored.map(({ n }) => Number(n)).sort((a, b) => a - b),
      Array.from({ length: 24_000 }, (_, n) => n),
    );
  });
});
