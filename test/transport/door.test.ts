/** Strangers have a budget of their own: a crowd that says nothing never keeps out those who say who they are. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createDoor, addressOf } from '../../src/transport/door.ts';
import { openRaw, startRig, type RawClient } from './tcp/rig.ts';

/** As much of a socket as a door sees. */
const socketFrom = (remoteAddress: string) => {
  const socket = Object.assign(new EventEmitter(), { remoteAddress, destroyed: false });
  const destroy = (): void => {
    socket.destroyed = true;
    socket.emit('close');
  };
  return Object.assign(socket, { destroy });
};
const doorFor = (connections: number, strangers: number) => {
  const closed: number[] = [];
  const door = createDoor({ connections, strangers, onClosed: (count) => void closed.push(count) });
  const enter = (from: string) => {
    const socket = socketFrom(from);
    return { socket, guest: door.enter(socket as unknown as Socket, 0) };
  };
  return { door, enter, closed };
};
const settle = async (): Promise<void> => {
  for (let n = 0; n < 5; n++) await turn();
};

test('the stranger that is silent for longest goes, first of the address that has too many', async () => {
  const { door, enter, closed } = doorFor(10, 4);
  const other = enter('10.0.0.2');
  const crowd = Array.from({ length: 5 }, () => enter('10.0.0.1'));
  assert.ok(
    crowd.every(({ socket }) => !socket.destroyed),
    'what they sent with their connection has not been read yet',
  );
  await settle();
  assert.deepEqual(
    crowd.map(({ socket }) => socket.destroyed),
    [true, true, true, false, false],
  );
  assert.equal(other.socket.destroyed, false);
  const third = ['10.0.0.3', '10.0.0.4'].map((address) => enter(address));
  await settle();
  assert.equal(other.socket.destroyed, true, 'above the number of all, the oldest of all');
  assert.deepEqual(
    third.map(({ socket }) => socket.destroyed),
    [false, false],
  );
  assert.equal(
    closed.reduce((sum, count) => sum + count),
    4,
  );
  assert.equal(door.inside, 0);
});

test('whoever says who it is stays, and counts no more once it is in', async () => {
  const { door, enter } = doorFor(2, 2);
  const heard = enter('10.0.0.1');
  heard.guest.heard(true);
  const crowd = Array.from({ length: 5 }, () => enter('10.0.0.1'));
  await settle();
  assert.equal(heard.socket.destroyed, false);
  assert.ok(crowd.every(({ socket }) => socket.destroyed));
  assert.equal(heard.guest.letIn(), true);
  assert.equal(enter('10.0.0.2').guest.letIn(), true);
  assert.equal(door.isFull, true);
  assert.equal(enter('10.0.0.3').guest.letIn(), false);
  heard.socket.destroy();
  assert.equal(door.inside, 1);
  assert.equal(enter('10.0.0.3').guest.letIn(), true);
});

test('an IPv6 network is one address', () => {
  const key = (remoteAddress: string): string => addressOf({ remoteAddress });
  assert.equal(key('2001:db8:0:1::1'), key('2001:db8:0:1:ffff:1:2:3'));
  assert.notEqual(key('2001:db8:0:1::1'), key('2001:db8:0:2::1'));
  assert.equal(key('::ffff:10.0.0.1'), key('10.0.0.1'));
  assert.equal(addressOf({ remoteAddress: undefined }), '');
});

test('agents with the token get in beside 300 connections that say nothing and come again', async () => {
  const token = 'a-token-of-the-test';
  await using rig = await startRig({
    tokens: async () => [token],
    limits: { connections: 256, strangers: 256 },
  });
  let over = false;
  const silent = new Set<RawClient>();
  const comeAgain = async (): Promise<void> => {
    while (!over) {
      const client = await openRaw(rig.server.address);
      silent.add(client);
      await client.rest();
      silent.delete(client);
    }
  };
  const crowd = Array.from({ length: 300 }, comeAgain);
  while (!rig.events.some(({ name }) => name === 'receive.crowded')) await turn();
  for (let n = 0; n < 20; n++) {
    await using upstream = await rig.connect({ token });
    assert.equal(upstream.node, 'sink1');
  }
  assert.equal(rig.events.filter(({ name }) => name === 'receive.crowded').length, 1);
  over = true;
  for (const client of silent) client[Symbol.dispose]();
  await Promise.all(crowd);
});
