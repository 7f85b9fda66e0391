/** A sink that stops with more to seal than the time allows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

const HOURS = 800;

// A slow disk: all of them cannot be sealed in the time. It is read when the fault points are loaded.
process.env['LOGD_FAULT'] = 'disk.sync:1:20ms+';
const { cutInto, KEY, logParts } = await import('../../commit/packs.ts');
const { startSinkNode } = await import('../sink-node.ts');

test('hours that wait to be sealed do not hold up a stop: they are sealed after the next start', async () => {
  await using node = await startSinkNode({ more: 'shutdown_timeout: 100ms' });
  const packs = await Promise.all(
    Array.from({ length: HOURS }, async (_, n) => {
      const [pack] = await cutInto(logParts(1), { key: { ...KEY, host: `web${n}` } });
      return pack!;
    }),
  );
  assert.ok((await node.send(packs)).every(({ kind }) => kind === 'ack'));
  await node.stop();
  const left = (await node.segments()).filter(({ state }) => state === 'complete');
  assert.ok(left.length > 0, 'the stop waited for all seals');
  assert.deepEqual(node.said('seal.failed'), []);
  await node.restart();
  for (const { header } of packs) await node.reaches(header, 'sealed');
});
