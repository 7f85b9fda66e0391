import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress, isLoopback, parseAddress } from '../../src/config/address.ts';

test('addresses are read, an IPv6 host in brackets', () => {
  assert.deepEqual(parseAddress('127.0.0.1:7667'), { host: '127.0.0.1', port: 7667 });
  assert.deepEqual(parseAddress('[::1]:7667'), { host: '::1', port: 7667 });
  assert.deepEqual(parseAddress('sink_1.example.com:1'), { host: 'sink_1.example.com', port: 1 });
  assert.deepEqual(parseAddress('localhost:0', true), { host: 'localhost', port: 0 });
  assert.equal(formatAddress(parseAddress('[::1]:7667')), '[::1]:7667');
});

test('what is no address is refused', () => {
  for (const text of [
    '',
    'sink',
    ':7667',
    '::1:7667',
    '[x]:1',
    '[1]:1',
    'a b:1',
    'sink:',
    'sink:x',
    'sink:70000',
    'sink:0',
  ])
    assert.throws(() => parseAddress(text), { code: 'config' }, text);
});

test('only what no other machine can reach is loopback', () => {
  for (const host of ['localhost', '127.0.0.1', '127.8.8.8', '::1', '0:0:0:0:0:0:0:1'])
    assert.ok(isLoopback(host), host);
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'sink1', '127.0.0.1.example.com', '1.127.0.0'])
    assert.ok(!isLoopback(host), host);
});
