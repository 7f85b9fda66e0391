/** Who is told what, and when: no storms, no noise, nothing forgotten. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Alert, AlertProblem, AlertTable } from '../../../src/monitor/alerts/alert-table.ts';
import { createAlerts } from '../../../src/monitor/alerts/alerts.ts';
import type { AlertMessage } from '../../../src/monitor/alerts/notifiers.ts';
import { LogdError } from '../../../src/error.ts';

const MINUTE = 60_000;
const problem = (key: string, severity: 'warn' | 'error' = 'error'): AlertProblem => ({
  ...{ key, severity, title: `${key} is wrong` },
});

/** A table in memory, which can be away. */
const memoryTable = () => {
  const rows: Alert[] = [];
  const state = { isAway: false };
  const here = <T>(work: () => T): Promise<T> =>
    state.isAway
      ? Promise.reject(new LogdError('storage', 'away', { retryable: true }))
      : Promise.resolve(work());
  const change = (id: number, more: Partial<Alert>): void => {
    const at = rows.findIndex((row) => row.id === id);
    rows[at] = { ...rows[at]!, ...more };
  };
  const table: AlertTable = {
    open: () => here(() => rows.filter(({ resolvedAt }) => resolvedAt === undefined)),
    history: () => here(() => rows.toReversed()),
    begin: (given, openedAt) => here(() => void rows.push({ ...given, openedAt, id: rows.length + 1 })),
    retitle: (id, title, severity) => here(() => change(id, { title, severity })),
    resolve: (id, resolvedAt) => here(() => change(id, { resolvedAt })),
  };
  return { table, rows, state };
};

const rig = (quiet?: { readonly from: number; readonly to: number }) => {
  let now = Date.UTC(2026, 10, 22, 12);
  const store = memoryTable();
  const sent = { first: [] as AlertMessage[], second: [] as AlertMessage[] };
  const failing = new Set<string>();
  const notifier = (name: 'first' | 'second') => ({
    name,
    send: (message: AlertMessage) => {
      if (failing.has(name)) return Promise.reject(new Error('no'));
      sent[name].push(message);
      return Promise.resolve();
    },
  });
  const open = () =>
    createAlerts({
      options: { gather: MINUTE, least_pause: 5 * MINUTE, quiet },
      ...{ table: store.table, notifiers: [notifier('first'), notifier('second')] },
      ...{ clock: { now: () => now, monotonic: () => now }, emit: () => undefined, changed: () => undefined },
    });
  return { ...store, sent, failing, open, pass: (ms: number) => void (now += ms) };
};

describe('alerts', () => {
  it('what fails together is one message, and the next comes after a pause', async () => {
    const { open, sent, pass } = rig();
    const alerts = open();
    await alerts.update([problem('a')]);
    const both = [problem('a'), problem('b')];
    await alerts.update(both);
    assert.equal(sent.first.length, 0);
    pass(MINUTE);
    await alerts.update(both);
    assert.deepEqual(sent.first, [{ opened: ['a is wrong', 'b is wrong'], resolved: [] }]);
    pass(2 * MINUTE);
    await alerts.update([problem('c')]);
    assert.equal(sent.first.length, 1);
    pass(3 * MINUTE);
    await alerts.update([problem('c')]);
    assert.deepEqual(sent.first[1], { opened: ['c is wrong'], resolved: ['a is wrong', 'b is wrong'] });
  });

  it('what is over before it was told is never told', async () => {
    const { open, sent, pass, rows } = rig();
    const alerts = open();
    await alerts.update([problem('a')]);
    await alerts.update([]);
    pass(10 * MINUTE);
    await alerts.update([]);
    assert.deepEqual(sent.first, []);
    assert.equal(rows[0]?.resolvedAt !== undefined, true);
  });

  it('in quiet hours warnings wait, errors do not', async () => {
    const { open, sent, pass } = rig({ from: 11 * 60, to: 13 * 60 });
    const alerts = open();
    const both = [problem('w', 'warn'), problem('e')];
    await alerts.update(both);
    pass(MINUTE);
    await alerts.update(both);
    assert.deepEqual(sent.first, [{ opened: ['e is wrong'], resolved: [] }]);
    pass(60 * MINUTE);
    await alerts.update(both);
    assert.deepEqual(sent.first[1], { opened: ['w is wrong'], resolved: [] });
  });

  it('a notifier that fails gets it again, and the others do not', async () => {
    const { open, sent, failing, pass } = rig();
    const alerts = open();
    failing.add('second');
    await alerts.update([problem('a')]);
    pass(MINUTE);
    await alerts.update([problem('a')]);
    failing.clear();
    pass(5 * MINUTE);
    await alerts.update([problem('a')]);
    assert.deepEqual([sent.first.length, sent.second.length], [1, 1]);
    assert.deepEqual(sent.second[0], { opened: ['a is wrong'], resolved: [] });
  });

  it('are told while the database is away, and written down once when it is back', async () => {
    const { open, sent, state, rows, pass } = rig();
    const alerts = open();
    await alerts.update([problem('before')]);
    state.isAway = true;
    await assert.rejects(alerts.update([problem('a')]), { code: 'storage' });
    pass(MINUTE);
    await assert.rejects(alerts.update([problem('a')]), { code: 'storage' });
    assert.deepEqual(sent.first[0]?.opened, ['a is wrong']);
    assert.deepEqual(
      alerts.open().map(({ key }) => key),
      ['a'],
    );
    state.isAway = false;
    for (let n = 0; n < 2; n++) await alerts.update([problem('a')]);
    assert.deepEqual(
      rows.map(({ key, resolvedAt }) => [key, resolvedAt === undefined]),
      [
        ['before', false],
        ['a', true],
      ],
    );
  });

  it('one that becomes worse is told again, and ends once', async () => {
    const { open, sent, rows, pass } = rig();
    const alerts = open();
    await alerts.update([problem('a', 'warn')]);
    pass(6 * MINUTE);
    await alerts.update([problem('a', 'warn')]);
    await alerts.update([problem('a', 'error')]);
    pass(6 * MINUTE);
    await alerts.update([problem('a', 'error')]);
    pass(6 * MINUTE);
    await alerts.update([problem('a', 'warn')]);
    pass(6 * MINUTE);
    await alerts.update([]);
    pass(6 * MINUTE);
    await alerts.update([]);
    assert.deepEqual(
      sent.first.map(({ opened, resolved }) => [opened.length, resolved.length]),
      [
        [1, 0],
        [1, 0],
        [0, 1],
      ],
    );
    assert.equal(rows.length, 1);
  });

  it('a restart tells nothing twice, and tells the end', async () => {
    const { open, sent, pass } = rig();
    await open().update([problem('a')]);
    const again = open();
    await again.load();
    await again.update([problem('a')]);
    pass(MINUTE);
    await again.update([]);
    pass(MINUTE);
    await again.update([]);
    assert.deepEqual(sent.first, [{ opened: [], resolved: ['a is wrong'] }]);
  });

  it('a test goes to everyone at once and says who failed', async () => {
    const { open, failing, sent } = rig();
    failing.add('second');
    assert.deepEqual(await open().test(), [{ name: 'first' }, { name: 'second', error: 'no' }]);
    assert.equal(sent.first[0]?.test, true);
  });
});
