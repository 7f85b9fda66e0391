import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDiskPace } from '../../src/disk/disk-pace.ts';

/** A pace whose time is set by hand, and a step that says where it ran. */
const rig = () => {
  let now = 0;
  const pace = createDiskPace({ monotonic: () => now });
  const step = async (takes = 0): Promise<'here' | 'there'> =>
    pace.step<'here' | 'there'>(
      () => {
        now += takes;
        return 'here';
      },
      () => Promise.resolve('there'),
    );
  return { pace, step, pass: (ms: number) => void (now += ms) };
};

test('small steps run on the event loop until one takes long, and again after a pause', async () => {
  const { step, pass } = rig();
  assert.equal(await step(1), 'here');
  assert.equal(await step(51), 'here');
  assert.equal(await step(), 'there');
  pass(5001);
  assert.equal(await step(), 'here');
});

test('small steps go to the pool while an fsync hangs, and for a while after it', async () => {
  const { pace, step, pass } = rig();
  const hanging = Promise.withResolvers<void>();
  const synced = pace.sync(() => hanging.promise);
  pass(900);
  assert.equal(await step(), 'here');
  pass(200);
  assert.equal(await step(), 'there');
  hanging.resolve();
  await synced;
  assert.equal(await step(), 'there');
  pass(5001);
  assert.equal(await step(), 'here');
});

test('an fsync that fails rejects, and hangs no more', async () => {
  const { pace, step, pass } = rig();
  await assert.rejects(
    pace.sync(() => Promise.reject(new Error('no'))),
    /no/,
  );
  pass(10_000);
  assert.equal(await step(), 'here');
});

test('what goes wrong in a step is its own', async () => {
  const { pace, step } = rig();
  const fails = (): never => {
    throw new Error('no room');
  };
  assert.throws(() => pace.step(fails, fails), /no room/);
  assert.equal(await step(), 'here');
});
