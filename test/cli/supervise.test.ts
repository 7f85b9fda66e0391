import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { supervise } from '../../src/cli/supervise.ts';
import { LogdError } from '../../src/error.ts';
import type { Emit } from '../../src/telemetry/events.ts';

const setUp = (shutdownTimeout = 60_000) => {
  const signals = new EventEmitter();
  const events: string[] = [];
  const codes: number[] = [];
  const emit: Emit = (name, fields) => events.push(`${name} ${Object.values(fields).join(' ')}`);
  const failed = Promise.withResolvers<Error>();
  const stopped = Promise.withResolvers<void>();
  const node = {
    failed: failed.promise,
    stop: () => {
      events.push('stop');
      return stopped.promise;
    },
  };
  const to = { node: 'web1', emit, signals, shutdownTimeout, endNow: (code: number) => codes.push(code) };
  return { signals, events, codes, failed, stopped, node, to };
};

test('the first signal drains, and the exit code is 0', async () => {
  const { signals, events, stopped, node, to } = setUp();
  const code = supervise(() => Promise.resolve(node), to);
  signals.emit('SIGTERM');
  stopped.resolve();
  assert.equal(await code, 0);
  assert.deepEqual(events, ['node.draining SIGTERM', 'stop']);
  assert.equal(signals.listenerCount('SIGTERM') + signals.listenerCount('SIGINT'), 0);
});

test('a second signal ends at once', async () => {
  const { signals, codes, stopped, node, to } = setUp();
  const code = supervise(() => Promise.resolve(node), to);
  signals.emit('SIGTERM');
  assert.deepEqual(codes, []);
  signals.emit('SIGINT');
  assert.deepEqual(codes, [130]);
  signals.emit('SIGTERM');
  assert.deepEqual(codes, [130, 143]);
  stopped.resolve();
  await code;
});

test('a signal during the start stops the node once it has started', async () => {
  const { signals, events, stopped, node, to } = setUp();
  const started = Promise.withResolvers<typeof node>();
  const code = supervise(() => started.promise, to);
  signals.emit('SIGINT');
  assert.deepEqual(events, []);
  stopped.resolve();
  started.resolve(node);
  assert.equal(await code, 0);
  assert.deepEqual(events, ['node.draining SIGINT', 'stop']);
});

test('a node that fails is stopped, and the exit code is 1', async () => {
  const { events, failed, stopped, node, to } = setUp();
  const code = supervise(() => Promise.resolve(node), to);
  failed.resolve(new Error('disk on fire'));
  stopped.resolve();
  assert.equal(await code, 1);
  assert.deepEqual(events, ['node.failed disk on fire', 'stop']);
});

test('a drain that does not end is given up', async () => {
  const { signals, events, node, to } = setUp(1);
  const code = supervise(() => Promise.resolve(node), to);
  signals.emit('SIGTERM');
  assert.equal(await code, 1);
  assert.deepEqual(events, ['node.draining SIGTERM', 'stop', 'node.drain-timed-out 1']);
});

test('a drain that fails is told', async () => {
  const { signals, events, stopped, node, to } = setUp();
  const code = supervise(() => Promise.resolve(node), to);
  signals.emit('SIGTERM');
  stopped.reject(new Error('no space'));
  assert.equal(await code, 1);
  assert.equal(events.at(-1), 'node.failed no space');
});

test('a start that fails is told, and the exit code says whether the configuration is wrong', async () => {
  for (const [error, code] of [
    [new Error('port taken'), 1],
    [new LogdError('storage', 'port taken'), 1],
    [new LogdError('config', 'port taken'), 2],
  ] as const) {
    const { signals, events, to } = setUp();
    assert.equal(await supervise(() => Promise.reject(error), to), code);
    assert.deepEqual(events, ['node.not-started web1 port taken']);
    assert.equal(signals.listenerCount('SIGTERM'), 0);
  }
});

test('SIGHUP reloads the node that runs, and does not end it', async () => {
  const { signals, events, stopped, node, to } = setUp();
  const reload = (): Promise<void> => Promise.resolve(void events.push('reload'));
  signals.emit('SIGHUP');
  const code = supervise(() => Promise.resolve({ ...node, reload }), to);
  await Promise.resolve();
  await new Promise(setImmediate);
  signals.emit('SIGHUP');
  signals.emit('SIGTERM');
  stopped.resolve();
  assert.equal(await code, 0);
  assert.deepEqual(events, ['reload', 'node.draining SIGTERM', 'stop']);
});
