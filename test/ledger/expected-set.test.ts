/** Who must have an hour, on a real ledger. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { isExpected } from '../../src/ledger/expectation.ts';
import { absentHours, expectedHosts, type ExpectRules } from '../../src/ledger/expected-set.ts';
import { hourStanding, isWhole } from '../../src/ledger/hour-standing.ts';
import type { OpenLedger } from '../../src/ledger/ledger-kind.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts';
import { hourIndex, hourLabel } from '../../src/pack/hour-index.ts';
import { end, lastPack, pack, sealOf } from './packs.ts';

const NOW = Date.UTC(2026, 10, 25, 18, 20);
const WEEK: ExpectRules = { within: 7 * 86_400_000 };

interface Room extends AsyncDisposable {
  readonly ledger: OpenLedger;
  /** Sealed hours of a host, `from` to `to`; labels of days are whole days. */
  sealed(name: string, from: string, to?: string, hoursInDay?: number): Promise<void>;
  open(name: string, hour: string): Promise<void>;
  absent(asked: Parameters<typeof absentHours>[1], rules?: ExpectRules): Promise<string[]>;
  standing(stream: string, hour: string, rules?: ExpectRules): ReturnType<typeof hourStanding>;
}

const createRoom = async (): Promise<Room> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-expected-'));
  const ledger = await openSqliteLedger({ path: join(dir, 'ledger.db') });
  const keyOf = (name: string, hour: string) => {
    const [stream = '', host = ''] = name.split('/');
    return { stream, host, hour };
  };
  return {
    ledger,
    async sealed(name, from, to = from, hoursInDay = 24) {
      for (let index = hourIndex(from); index <= hourIndex(to); index += from.length === 8 ? 24 : 1) {
        const key = keyOf(name, hourLabel(index).slice(0, from.length));
        await ledger.commit([lastPack(1, { ...key, done: end(1, { hoursInDay }) })]);
        await ledger.seal(sealOf((await ledger.segment(key))!));
      }
    },
    open: async (name, hour) => void (await ledger.commit([pack(1, keyOf(name, hour))])),
    async absent(asked, rules = WEEK) {
      const hours = await absentHours(ledger, asked, rules, NOW);
      return hours.map(({ host, stream, hour }) => `${stream}/${host}/${hour}`);
    },
    standing: (stream, hour, rules = WEEK) => hourStanding(ledger, { stream, hour }, rules, NOW),
    async [Symbol.asyncDispose]() {
      await ledger[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
};

describe('isExpected', () => {
  for (const [what, index, lastSeen, said, expected] of [
    ['an hour after the last', 11, 10, {}, true],
    ['as long after the last as counts', 34, 10, {}, true],
    ['longer after the last', 35, 10, {}, false],
    ['never seen', 11, -Infinity, {}, false],
    ['added, never seen', 11, -Infinity, { since: 11 }, true],
    ['before it was added', 10, -Infinity, { since: 11 }, false],
    ['seen before it was added', 10, 9, { since: 11 }, true],
    ['retired', 11, 10, { retired: 11 }, false],
    ['before it was retired', 10, 9, { retired: 11 }, true],
    ['retired, and it sends again', 13, 12, { retired: 11 }, true],
    ['retired, and it sent again long ago', 40, 12, { retired: 11 }, false],
  ] as const)
    it(`${what}: ${expected ? 'expected' : 'not expected'}`, () =>
      assert.equal(isExpected(index, lastSeen, 24, said), expected));
});

describe('absentHours', () => {
  it('names the host that had hours and has not this one', async () => {
    await using room = await createRoom();
    await room.sealed('access/web1', '2026112514', '2026112517');
    await room.sealed('access/web2', '2026112514', '2026112516');
    await room.sealed('app/web2', '2026112517');
    assert.deepEqual(await room.absent({ hour: '2026112517' }), ['access/web2/2026112517']);
    assert.deepEqual(await room.absent({ hour: '2026112517', host: 'web1' }), []);
    assert.deepEqual(await room.absent({ hour: '2026112517', stream: 'app' }), []);
    assert.deepEqual(await room.absent({ hour: '2026112516' }), []);
    assert.deepEqual(await room.absent({}), ['access/web2/2026112517']);
    assert.deepEqual(await room.absent({ since: '2026112516' }), ['access/web2/2026112517']);
    const [hour] = await absentHours(room.ledger, { hour: '2026112517' }, WEEK, NOW);
    assert.equal(hour?.lastHour, '2026112516');
  });

  it('expects nobody before the first hour, after expect_within, or once retired', async () => {
    await using room = await createRoom();
    await room.sealed('access/web1', '2026112513', '2026112517');
    await room.sealed('access/late', '2026112516', '2026112517');
    await room.sealed('access/old', '2026111716');
    await room.sealed('access/gone', '2026112513', '2026112514');
    assert.deepEqual(await room.absent({ hour: '2026112515' }), ['access/gone/2026112515']);
    await room.ledger.expect({ stream: 'access', host: 'gone', retired: '2026112516' });
    assert.deepEqual(await room.absent({}), ['access/gone/2026112515']);
    await room.ledger.expect({ stream: 'access', host: 'gone', retired: '2026112515' });
    assert.deepEqual(await room.absent({}), []);
    assert.deepEqual(await room.absent({ hour: '2026112517' }, { within: 30 * 86_400_000 }), [
      'access/old/2026112517',
    ]);
  });

  it('expects who was added, though nothing ever came', async () => {
    await using room = await createRoom();
    await room.sealed('access/web1', '2026112516', '2026112517');
    await room.ledger.expect({ stream: 'access', host: 'web9', since: '2026112517' });
    await room.ledger.expect({ stream: 'audit', host: 'web1', since: '2026112517' });
    assert.deepEqual(await room.absent({ hour: '2026112516' }), []);
    assert.deepEqual(await room.absent({ hour: '2026112517' }), [
      'access/web9/2026112517',
      'audit/web1/2026112517',
    ]);
  });

  it('takes a fixed set in place of history', async () => {
    await using room = await createRoom();
    await room.sealed('access/web1', '2026112516', '2026112517');
    await room.sealed('access/web2', '2026112516');
    await room.sealed('app/web2', '2026112516');
    const fixed = (hosts: ExpectRules['fixed']) =>
      room.absent({ hour: '2026112517' }, { ...WEEK, fixed: hosts });
    assert.deepEqual(await fixed([{ host: 'web1' }]), ['app/web1/2026112517']);
    assert.deepEqual(await fixed([{ host: 'web1', stream: 'access' }]), ['app/web2/2026112517']);
    assert.deepEqual(await fixed([{ host: 'web3', stream: 'access' }, { host: 'web2' }]), [
      'access/web2/2026112517',
      'access/web3/2026112517',
      'app/web2/2026112517',
    ]);
  });

  it('shows an hour that nobody has, when it is asked for, or lies between others', async () => {
    await using room = await createRoom();
    await room.sealed('access/web1', '2026112510', '2026112511');
    await room.sealed('access/web1', '2026112513', '2026112514');
    assert.deepEqual(await room.absent({ hour: '2026112515' }), ['access/web1/2026112515']);
    assert.deepEqual(await room.absent({ hour: '20261125' }), ['access/web1/2026112512']);
    assert.deepEqual(await room.absent({ hour: '20261124' }), []);
    assert.deepEqual(await room.absent({ hour: '20261126' }), ['access/web1/20261126']);
    assert.deepEqual(await room.absent({ hour: '202611' }), ['access/web1/2026112512']);
  });

  it('does not wait for an hour that has only begun, unless it is asked for', async () => {
    await using room = await createRoom();
    await room.sealed('access/web1', '2026112516');
    await room.sealed('access/web2', '2026112516');
    await room.open('access/web1', '2026112517');
    assert.deepEqual(await room.absent({}), []);
    assert.deepEqual(await room.absent({ hour: '20261125' }), []);
    assert.deepEqual(await room.absent({ hour: '2026112517' }), ['access/web2/2026112517']);
  });

  it('misses no hour that a change of the clock jumped over', async () => {
    await using room = await createRoom();
    await room.sealed('access/web1', '2026032900', '2026032901', 23);
    await room.sealed('access/web1', '2026032903', '2026032923', 23);
    assert.deepEqual(await room.absent({ hour: '20260329' }), []);
    await room.sealed('app/web1', '2026032800', '2026032801', 24);
    await room.sealed('app/web1', '2026032803', '2026032823', 24);
    assert.deepEqual(await room.absent({ hour: '20260328' }), ['app/web1/2026032802']);
  });

  it('knows segments of whole days', async () => {
    await using room = await createRoom();
    await room.sealed('audit/web1', '20261123', '20261124');
    await room.sealed('audit/web2', '20261123');
    assert.deepEqual(await room.absent({ hour: '20261124' }), ['audit/web2/20261124']);
    assert.deepEqual(await room.absent({}), ['audit/web2/20261124']);
    assert.deepEqual(await room.absent({ hour: '2026112410' }), []);
  });
});

describe('hourStanding', () => {
  it('is whole when every expected host has it sealed', async () => {
    await using room = await createRoom();
    await room.sealed('access/web1', '2026112516', '2026112517');
    await room.sealed('access/web2', '2026112516');
    const { absent, sealed } = await room.standing('access', '2026112517');
    assert.deepEqual([absent, sealed], [['web2'], ['web1']]);
    await room.open('access/web2', '2026112517');
    assert.deepEqual((await room.standing('access', '2026112517')).open, ['web2']);
    await room.ledger.close({ stream: 'access', host: 'web2', hour: '2026112517' }, 'incomplete', 'Gone.');
    assert.deepEqual((await room.standing('access', '2026112517')).closed, ['web2']);
    assert.equal(isWhole(await room.standing('access', '2026112516')), true);
  });

  it('of nothing is not whole', async () => {
    await using room = await createRoom();
    assert.equal(isWhole(await room.standing('access', '2026112517')), false);
  });

  it('of a day needs all of its hours', async () => {
    await using room = await createRoom();
    await room.sealed('access/web1', '2026112400', '2026112423');
    await room.sealed('access/web2', '2026112400', '2026112422');
    assert.deepEqual((await room.standing('access', '20261124')).open, ['web2']);
    await room.sealed('access/web2', '2026112423');
    assert.equal(isWhole(await room.standing('access', '20261124')), true);
  });
});

it('tells who is expected, and why', async () => {
  await using room = await createRoom();
  await room.sealed('access/web1', '2026112517');
  await room.sealed('access/web2', '2026112410');
  await room.ledger.expect({ stream: 'access', host: 'web2', retired: '2026112411' });
  await room.ledger.expect({ stream: 'access', host: 'web9', since: '2026112411' });
  assert.deepEqual(await expectedHosts(room.ledger, WEEK, NOW), [
    { stream: 'access', host: 'web1', origin: 'history', lastHour: '2026112517' },
    { stream: 'access', host: 'web2', origin: 'retired', from: '2026112411', lastHour: '2026112410' },
    { stream: 'access', host: 'web9', origin: 'added', from: '2026112411' },
  ]);
});
