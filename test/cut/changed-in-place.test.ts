/** Bytes that were read change under an open hour, or are zeros until they are written: no seal stands for other bytes than the file's. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFile, open, readFile, truncate, utimes, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { openWorld, type World } from './world.ts';

const H15 = '2026112215';
const LOG = `access.log.${H15}`;
const TEXT = `${'0123456'.repeat(9)}\n`.repeat(40);

const bytesOf = (world: World): string =>
  Buffer.concat(world.sink.packs(H15).map(({ body }) => body)).toString();

const lossesOf = (world: World) =>
  world.sink.packs(H15).flatMap(({ header }) => (header.lost === undefined ? [] : [header.lost.reason]));

const sha256Of = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');

const doneOf = (world: World) => world.sink.packs(H15).flatMap(({ header }) => header.done ?? []);

/** Writes into the file without changing its size. */
const overwrite = async (path: string, text: string, at: number): Promise<void> => {
  const handle = await open(path, 'r+');
  await handle.write(text, at);
  await handle.close();
  await utimes(path, new Date(), new Date(Date.now() + 5_000));
};

describe('a file whose bytes change after they were read', () => {
  it('in place, with its size: the hour ends with a loss, not with a proof', async (context) => {
    const world = await openWorld(context);
    await world.write(LOG, TEXT);
    world.start();
    await world.still();
    await overwrite(world.path(LOG), 'XXXX', 64 * 20);
    await world.still();
    await world.pass(8000);
    assert.deepEqual(lossesOf(world), ['source-changed']);
    assert.ok(world.sink.hasEnded(H15));
    assert.deepEqual(
      world.named('tail.lost').map(({ fields }) => fields['reason']),
      ['source-changed'],
    );
  });

  it('in time only: the hour ends as if nothing had been', async (context) => {
    const world = await openWorld(context);
    await world.write(LOG, TEXT);
    world.start();
    await world.still();
    await utimes(world.path(LOG), new Date(), new Date(Date.now() + 5_000));
    await world.still();
    await world.pass(8000);
    assert.deepEqual(lossesOf(world), []);
    assert.equal(doneOf(world).at(-1)?.sha256, sha256Of(TEXT));
  });

  it('emptied and filled past its old size with the same beginning: all of it is sent, and it is told', async (context) => {
    const world = await openWorld(context);
    const head = `${'#'.repeat(63)}\n`.repeat(20);
    await world.write(LOG, head + TEXT);
    world.start();
    await world.still();
    // In one write, as if it were emptied and filled between two looks: an empty file that is seen is a new beginning, without a loss.
    await overwrite(world.path(LOG), head + TEXT.replaceAll('0', 'Z') + TEXT, 0);
    await world.still();
    await world.pass(8000);
    assert.ok(lossesOf(world).length > 0, 'nothing was told');
    assert.ok(bytesOf(world).endsWith(head + TEXT.replaceAll('0', 'Z') + TEXT));
  });
});

describe('a file whose writer has reserved room', () => {
  for (const room of [64 << 10, 300 << 10])
    it(`is read up to its last byte that is not zero: ${room} bytes`, async (context) => {
      const world = await openWorld(context);
      await writeFile(world.path(LOG), '');
      await truncate(world.path(LOG), room);
      world.start();
      await world.still();
      assert.equal(bytesOf(world), '');
      let written = 0;
      for (let n = 0; n < 4; n++) {
        await overwrite(world.path(LOG), TEXT, written);
        await utimes(world.path(LOG), new Date(), new Date(Date.now() + 10_000 * (n + 2)));
        written += TEXT.length;
        await world.still();
        assert.equal(bytesOf(world), TEXT.repeat(n + 1));
      }
      await world.pass(8000);
      assert.ok(world.sink.hasEnded(H15));
      assert.deepEqual(lossesOf(world), []);
      assert.equal(doneOf(world).at(-1)?.sha256, sha256Of(TEXT.repeat(4)));
      assert.equal(world.named('tail.reserved').length, 1);
      // Its writer cuts off what it did not use: nothing comes late.
      await truncate(world.path(LOG), written);
      await world.still();
      assert.equal(world.sink.hasEnded(H15, 2), false);
      assert.equal((await readFile(world.path(LOG))).length, written);
    });

  it('with bytes after the zeros it is no reserved room', async (context) => {
    const world = await openWorld(context);
    await writeFile(world.path(LOG), Buffer.concat([Buffer.from(TEXT), Buffer.alloc(20_000)]));
    await appendFile(world.path(LOG), 'end\n');
    world.start();
    await world.still();
    await world.pass(8000);
    assert.equal(doneOf(world).at(-1)?.sha256, sha256Of(await readFile(world.path(LOG))));
  });
});
