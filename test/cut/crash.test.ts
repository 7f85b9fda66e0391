/**
 * Whatever is written when, and wherever the agent is killed: a pack never changes its name or its bytes, and in the end each hour
 * is its file, byte for byte, once.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import type { Marks } from '../../src/marks/marks.ts';
import { lines, openTestMarks, openWorld, type World } from './world.ts';

const HOURS = ['2026112213', '2026112215', '2026112216'] as const;
const log = (hour: string): string => `access.log.${hour}`;

let root: string;
let marks: Marks;
let worlds = 0;
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'logd-crash-'));
  marks = await openTestMarks(root);
});
after(async () => {
  await marks[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

const openOwn = (context: TestContext): Promise<World> =>
  openWorld(context, { marks, stream: `s${++worlds}`, quiet: 3000, grace: 10_000 });

/** Lets the agent finish, and asks the sink for everything. */
const finish = async (world: World, files: ReadonlyMap<string, Buffer>, late = 1): Promise<void> => {
  await world.pass(4 * 3_600_000, 4 * 3_600_000);
  await world.pass(8000, 4000);
  assert.deepEqual(world.fatal, []);
  for (const [hour, bytes] of files) {
    const generation = world.sink.packs(hour).at(-1)!.header.generation;
    assert.ok(generation >= 1 && generation <= late);
    world.sink.equals(hour, bytes, { generation });
  }
  world.sink.equals('2026112214', Buffer.alloc(0));
  assert.deepEqual(await world.held(), []);
  assert.equal(world.named('tail.lost').length, 0);
};

type Action =
  | { readonly kind: 'write'; readonly hour: (typeof HOURS)[number]; readonly bytes: Buffer }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'crash'; readonly after: number; readonly done: boolean }
  | { readonly kind: 'restart' };

const TEXT = Buffer.from('Grüße, 世界, 🎉\r\n\n\0 binary \u0085 and so on\nwithout an end');

const bytes = fc.oneof(
  // Cut anywhere, inside of lines and of characters too.
  fc
    .tuple(fc.nat(TEXT.length), fc.nat(TEXT.length))
    .map((ends) => TEXT.subarray(Math.min(...ends), Math.max(...ends))),
  fc.integer({ min: 1, max: 12 }).map((count) => Buffer.from(lines(count))),
  fc.uint8Array({ maxLength: 200 }).map((list) => Buffer.from(list)),
);
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('write' as const), hour: fc.constantFrom(...HOURS), bytes }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(0, 1000, 4000) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('crash' as const),
      after: fc.integer({ min: 1, max: 25 }),
      done: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
);

describe('whatever happens when', () => {
  it('each hour is its file, and packs never change', async (context) => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 3, maxLength: 14 }), async (actions) => {
        const world = await openOwn(context);
        const files = new Map<string, Buffer>();
        for (const hour of [HOURS[0], HOURS[1]]) files.set(hour, await world.write(log(hour), 'first\n'));
        world.start();
        for (const one of actions) {
          if (one.kind === 'write') files.set(one.hour, await world.write(log(one.hour), one.bytes));
          else if (one.kind === 'wait') {
            world.clock.advance(one.ms);
            await world.still();
          } else {
            if (one.kind === 'crash') await world.crash();
            else await world.stop();
            world.start(one.kind === 'crash' ? one : undefined);
          }
          if (world.dead) {
            await world.crash();
            world.start();
          }
        }
        if (world.dead) await world.crash();
        else await world.stop();
        world.start();
        await finish(world, files, 20);
        await world.stop();
      }),
      // Shrinking takes minutes; so few actions are read as they are.
      { numRuns: 25, endOnFailure: true },
    );
  });
});

describe('a crash at every step', () => {
  it('of an hour and the next, with late lines: the same packs, each byte once', async (context) => {
    let steps = 0;
    for (let at = 1; steps === 0; at++) {
      const done = at % 2 === 0;
      const world = await openOwn(context);
      const files = new Map<string, Buffer>();
      const add = async (hour: string, text: string) => files.set(hour, await world.write(log(hour), text));
      await add(HOURS[0], `${lines(6)}no newline`);
      world.start({ after: at, done });
      await world.still();
      await add(HOURS[1], 'next\n');
      await world.pass(8000, 4000);
      await add(HOURS[0], ', late\n');
      await world.pass(4000, 2000);
      const died = world.dead;
      await world.crash();
      world.start();
      await finish(world, files, 3);
      await world.stop();
      if (!died) steps = at;
    }
    assert.ok(steps > 20, `${steps} steps`);
    context.diagnostic(`${steps} steps`);
  });
});
