import assert from 'node:assert/strict';
import { appendFile, cp, mkdtemp, open, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { dropRefused, keepRefused, listRefused, retryRefused, sendRetries } from '../../src/spool/refused.ts';
import { openSpool, type Spool, type SpooledPack } from '../../src/spool/spool.ts';
import { systemClock } from '../../src/telemetry/clock.ts';
import type { EventName } from '../../src/telemetry/events.ts';
import { packOf } from './spooled-packs.ts';

const HOUR = 3_600_000;

const directory = async (t: { after(fn: () => unknown): void }): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-spool-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
};

const opened = (dir: string, more: Partial<Parameters<typeof openSpool>[0]> = {}): Promise<Spool> =>
  openSpool({ dir, bytes: 1 << 20, age: HOUR, clock: systemClock, emit: () => undefined, ...more });

const bodyOf = (id: number, length = 40): Buffer => Buffer.from(`${id} `.padEnd(length, 'x'));
const noWait = (): AbortSignal => AbortSignal.timeout(5_000);

/** Everything that the spool has, in the order in which it gives it. */
const drained = async (spool: Spool): Promise<number[]> => {
  const ids: number[] = [];
  while (spool.status().packs > 0) {
    const { pack, ticket } = await spool.next(noWait());
    assert.equal(pack.body.toString().split(' ')[0], String(pack.header.id));
    ids.push(pack.header.id);
    spool.done(ticket);
  }
  return ids;
};

const spoolFiles = async (dir: string): Promise<string[]> =>
  (await readdir(dir)).filter((name) => name.endsWith('.spool')).sort();

describe('spool', () => {
  it('gives packs in order of arrival, with their headers and bodies, and deletes files that are done', async (t) => {
    const dir = await directory(t);
    await using spool = await opened(dir, { fileBytes: 2000 });
    await Promise.all(Array.from({ length: 30 }, (_, n) => spool.append(packOf(n + 1, bodyOf(n + 1)))));
    assert.equal(spool.status().packs, 30);
    assert.deepEqual(
      await drained(spool),
      Array.from({ length: 30 }, (_, n) => n + 1),
    );
    assert.equal(spool.status().bytes, 0);
    assert.equal(spool.status().oldest, undefined);
  });

  it('waits for a pack when it is empty, until it is told to stop', async (t) => {
    await using spool = await opened(await directory(t));
    const coming = spool.next(noWait());
    await spool.append(packOf(7, bodyOf(7)));
    assert.equal((await coming).pack.header.id, 7);
    const stop = new AbortController();
    const never = spool.next(stop.signal);
    stop.abort();
    await assert.rejects(never, { name: 'AbortError' });
  });

  it('keeps what is not done over a restart, and does not repeat what is done', async (t) => {
    const dir = await directory(t);
    {
      await using spool = await opened(dir);
      for (const id of [1, 2, 3, 4]) await spool.append(packOf(id, bodyOf(id)));
      const [first] = [await spool.next(noWait()), await spool.next(noWait())];
      spool.done(first.ticket);
    }
    await using again = await opened(dir);
    assert.deepEqual(await drained(again), [2, 3, 4]);
  });

  it('cuts off a torn last write and goes on', async (t) => {
    const dir = await directory(t);
    const whole = await opened(dir);
    await whole.append(packOf(1, bodyOf(1)));
    const [name = ''] = await spoolFiles(dir);
    const { size } = await stat(join(dir, name));
    await whole.append(packOf(2, bodyOf(2)));
    await whole[Symbol.asyncDispose]();
    const end = (await stat(join(dir, name))).size;
    for (let cut = size + 1; cut < end; cut += 7) {
      const copy = `${dir}-${cut}`;
      t.after(() => rm(copy, { recursive: true, force: true }));
      await cp(dir, copy, { recursive: true });
      await truncate(join(copy, name), cut);
      await using spool = await opened(copy);
      await spool.append(packOf(3, bodyOf(3)));
      assert.deepEqual(await drained(spool), [1, 3], `cut at ${cut}`);
    }
  });

  it('names a pack that is damaged on disk, and gives those after it', async (t) => {
    const dir = await directory(t);
    {
      await using spool = await opened(dir);
      for (const id of [1, 2, 3]) await spool.append(packOf(id, bodyOf(id)));
    }
    const [name = ''] = await spoolFiles(dir);
    const record = (await stat(join(dir, name))).size / 3;
    const handle = await open(join(dir, name), 'r+');
    await handle.write(Buffer.from('!'), 0, 1, record * 2 - 3);
    await handle.close();
    const said: EventName[] = [];
    await using spool = await opened(dir, { emit: (event) => void said.push(event) });
    const first = await spool.next(noWait());
    const second = await spool.next(noWait());
    assert.deepEqual([first.pack.header.id, second.pack.header.id], [1, 3]);
    assert.deepEqual(said, ['spool.pack-damaged']);
  });

  it('names damage in the middle of a file, also of the newest, and gives every pack after it', async (t) => {
    const dir = await directory(t);
    {
      await using spool = await opened(dir);
      for (const id of [1, 2, 3, 4]) await spool.append(packOf(id, bodyOf(id)));
    }
    const [name = ''] = await spoolFiles(dir);
    const record = (await stat(join(dir, name))).size / 4;
    for (const at of [record, record + 5, record + 30]) {
      const copy = `${dir}-${at}`;
      t.after(() => rm(copy, { recursive: true, force: true }));
      await cp(dir, copy, { recursive: true });
      const handle = await open(join(copy, name), 'r+');
      await handle.write(Buffer.from('!!'), 0, 2, at);
      await handle.close();
      const said: EventName[] = [];
      await using spool = await opened(copy, { emit: (event) => void said.push(event) });
      assert.equal(spool.status().packs, 3);
      assert.deepEqual(await drained(spool), [1, 3, 4]);
      assert.deepEqual(said, ['spool.damaged']);
      assert.equal(spool.status().bytes, 0, 'the file goes when all of it is done');
    }
  });

  it('damage that comes while it runs costs the packs that it hits, and no others', async (t) => {
    const dir = await directory(t);
    const said: EventName[] = [];
    await using spool = await opened(dir, { emit: (event) => void said.push(event) });
    const tickets = [];
    for (const id of [1, 2, 3, 4]) tickets.push(await spool.append(packOf(id, bodyOf(id))));
    const [name = ''] = await spoolFiles(dir);
    const handle = await open(join(dir, name), 'r+');
    await handle.write(Buffer.from('!!'), 0, 2, tickets[1]!.at + 5);
    await handle.close();
    spool.done(tickets[3]!);
    assert.deepEqual(await drained(spool), [1, 3]);
    assert.deepEqual(said, ['spool.damaged']);
    assert.equal(spool.status().packs, 0);
  });

  it('takes no more than its bytes, says so, and goes on once there is room', async (t) => {
    const said: EventName[] = [];
    await using spool = await opened(await directory(t), {
      bytes: 20_000,
      fileBytes: 2_000,
      emit: (event) => void said.push(event),
    });
    let taken = 0;
    const all = Array.from({ length: 60 }, (_, n) =>
      spool.append(packOf(n + 1, bodyOf(n + 1, 400))).then(() => taken++),
    );
    while (!said.includes('spool.full')) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(spool.status().bytes <= 20_000);
    assert.ok(taken < 60);
    const ids: number[] = [];
    while (ids.length < 60) {
      const { pack, ticket } = await spool.next(noWait());
      ids.push(pack.header.id);
      spool.done(ticket);
      assert.ok(spool.status().bytes <= 20_000);
    }
    await Promise.all(all);
    assert.deepEqual(
      ids,
      Array.from({ length: 60 }, (_, n) => n + 1),
    );
    assert.ok(said.includes('spool.taking-again'));
  });

  it('takes no more while its oldest pack is too old', async (t) => {
    let now = 1_000_000;
    await using spool = await opened(await directory(t), {
      age: 1000,
      clock: { now: () => now, monotonic: () => now },
    });
    await spool.append(packOf(1, bodyOf(1)));
    now += 1001;
    let taken = false;
    const second = spool.append(packOf(2, bodyOf(2))).then(() => (taken = true));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(taken, false);
    assert.equal(spool.status().full, 'age');
    spool.done((await spool.next(noWait())).ticket);
    await second;
    assert.deepEqual(await drained(spool), [2]);
  });
});

describe('spool against a model', () => {
  const steps = fc.array(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ kind: fc.constant('append'), count: fc.integer({ min: 1, max: 12 }) }),
      },
      {
        weight: 4,
        arbitrary: fc.record({ kind: fc.constant('take'), count: fc.integer({ min: 1, max: 8 }) }),
      },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('done'), count: fc.nat(50) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash'), count: fc.nat(60) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart'), count: fc.constant(0) }) },
    ),
    { maxLength: 40 },
  );

  const play = async (t: TestContext, plan: readonly { kind: string; count: number }[]): Promise<void> => {
    let dir = await directory(t);
    let spool = await opened(dir, { fileBytes: 900 });
    let open = new Map<number, SpooledPack>();
    const done = new Set<number>();
    let last = 0;
    /** After a crash some that are done come again, never one that is not there. */
    let expected: number[] = [];
    const reopen = async (): Promise<void> => {
      spool = await opened(dir, { fileBytes: 900 });
      open = new Map();
      expected = Array.from({ length: last }, (_, n) => n + 1).filter((id) => !done.has(id));
    };
    for (const { kind, count } of plan) {
      if (kind === 'append') {
        const ids = Array.from({ length: count }, () => ++last);
        await Promise.all(ids.map((id) => spool.append(packOf(id, bodyOf(id, 20 + ((id * 37) % 90))))));
        expected.push(...ids);
      } else if (kind === 'take') {
        for (let n = 0; n < count && expected.length > 0;) {
          const given = await spool.next(noWait());
          const { id } = given.pack.header;
          if (done.has(id)) spool.done(given.ticket);
          else {
            assert.equal(id, expected.shift());
            open.set(id, given);
            n++;
          }
        }
      } else if (kind === 'done') {
        const [id, given] = [...open][count % Math.max(1, open.size)] ?? [];
        if (id === undefined || given === undefined) continue;
        spool.done(given.ticket);
        open.delete(id);
        done.add(id);
      } else if (kind === 'crash') {
        const next = await directory(t);
        // What a kill leaves: the files as they are, perhaps with the start of a record that was never acknowledged.
        await cp(dir, next, { recursive: true });
        await spool[Symbol.asyncDispose]();
        dir = next;
        const newest = (await spoolFiles(dir)).at(-1);
        if (newest !== undefined)
          await appendFile(join(dir, newest), Buffer.from('LSP1garbage'.repeat(6)).subarray(0, count));
        await reopen();
      } else {
        await spool[Symbol.asyncDispose]();
        await reopen();
      }
    }
    const rest: number[] = [];
    while (rest.length < expected.length) {
      const { pack, ticket } = await spool.next(noWait());
      if (!done.has(pack.header.id)) rest.push(pack.header.id);
      spool.done(ticket);
    }
    assert.deepEqual(rest, expected);
    await spool[Symbol.asyncDispose]();
  };

  it('loses no pack that it took and gives them in order, through crashes and torn writes', async (t) => {
    await fc.assert(
      fc.asyncProperty(steps, (plan) => play(t, plan)),
      { numRuns: 60 },
    );
  });
});

describe('refused packs', () => {
  it('are kept, listed, sent again and dropped by hand', async (t) => {
    const dir = await directory(t);
    assert.deepEqual(await listRefused(dir), []);
    await keepRefused(dir, packOf(1, bodyOf(1)), 'conflict: other bytes', 5);
    await keepRefused(dir, packOf(2, bodyOf(2)), 'limit: too large', 6);
    const [one, two] = await listRefused(dir);
    assert.deepEqual([one?.header.id, one?.reason, two?.header.id], [1, 'conflict: other bytes', 2]);
    await retryRefused(dir, one!.name);
    const sent: string[] = [];
    await sendRetries(dir, (pack) => {
      sent.push(pack.body.toString());
      return Promise.resolve(true);
    });
    assert.deepEqual(sent, [bodyOf(1).toString()]);
    await dropRefused(dir, two!.name);
    assert.deepEqual(await listRefused(dir), []);
  });

  it('of two hosts and streams are two files, whatever their names', async (t) => {
    const dir = await directory(t);
    await keepRefused(dir, packOf(1, bodyOf(1), { host: 'db_1', stream: 'access' }), 'limit: too large', 5);
    await keepRefused(dir, packOf(1, bodyOf(2), { host: 'db', stream: '1_access' }), 'limit: too large', 6);
    const hosts = (await listRefused(dir)).map(({ header }) => header.host);
    assert.deepEqual(hosts.toSorted(), ['db', 'db_1']);
  });
});
