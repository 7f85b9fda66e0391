import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventName } from '../../src/telemetry/events.ts';
import { createNodeNames, type NamedConnection } from '../../src/transport/node-names.ts';

const rig = () => {
  const said: [EventName, unknown][] = [];
  const asked: string[] = [];
  let now = 0;
  const ticker = {
    get now() {
      return now;
    },
    expired: (since: number, timeout: number) => now - since >= timeout,
  };
  const names = createNodeNames(ticker, (name, fields) => void said.push([name, fields]));
  const connection = (address: string, process?: string): NamedConnection => ({
    ...{ address, process },
    ask: () => void asked.push(address),
  });
  return { said, asked, names, connection, pass: (ms: number) => void (now += ms) };
};

test('two processes under one name are named once the first still answers, and not again for a while', () => {
  const { said, asked, names, connection, pass } = rig();
  const [a, b, c] = [connection('a', '1'), connection('b', '2'), connection('c', '3')];
  names.enter('web1', a);
  names.enter('web1', b);
  assert.deepEqual([asked, said], [['a'], []]);
  names.answered('web1', b);
  assert.deepEqual(said, []);
  names.answered('web1', a);
  assert.deepEqual(said, [['receive.name-twice', { node: 'web1', peer: 'a', other: 'b' }]]);
  names.enter('web1', c);
  names.answered('web1', b);
  assert.equal(said.length, 1);
  names.leave('web1', c);
  pass(600_000);
  names.enter('web1', c);
  names.answered('web1', b);
  assert.deepEqual(said[1], ['receive.name-twice', { node: 'web1', peer: 'b', other: 'c' }]);
});

test('a process that connects again, or a connection that is silent or gone, is no second one', () => {
  const { said, asked, names, connection } = rig();
  const [a, again, b] = [connection('a', '1'), connection('again', '1'), connection('b', '2')];
  names.enter('web1', a);
  names.enter('web1', again);
  names.enter('web2', b);
  assert.deepEqual(asked, []);
  names.enter('web1', b);
  assert.deepEqual(asked, ['again'], 'the newest is asked, and that alone');
  names.leave('web1', again);
  names.answered('web1', again);
  names.answered('web1', a);
  assert.deepEqual(said, []);
});
