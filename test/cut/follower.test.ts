/** What happens to the files while the follower looks and cuts at the same time. */
import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bufferPool } from '../../src/cut/buffer-pool.ts';
import { openFileTracker } from '../../src/track/file-tracker.ts';
import { follow } from '../../src/cut/follower.ts';
import type { CutPack } from '../../src/cut/cut-pack.ts';
import { createPackCutter } from '../../src/cut/pack-cutter.ts';
import { createSourceFiles, type SourceFiles } from '../../src/track/source-files.ts';
import { byteBudget } from '../../src/pack/byte-budget.ts';
import { openHours } from '../../src/pack/hour.ts';
import { type Discovery, openDiscovery } from '../../src/tail/discover.ts';
import { openHolds } from '../../src/tail/hold.ts';
import { parsePattern } from '../../src/tail/pattern.ts';
import { fakeClock, openTestMarks } from './world.ts';

const SIZE = 64;
const PACK = `${'x'.repeat(SIZE - 1)}\n`;
const RULES = { packBytes: SIZE, maxDelay: 1000, pollInterval: 1, grace: 60_000, quiet: 5_000 };

interface Staged {
  /** Between what the look sees and the end of the look, before anything is cut beside it. */
  readonly before: () => Promise<void>;
  /** After what was cut beside it. */
  readonly after: () => Promise<void>;
}

/** A follower of files by the minute, and a look whose course the test decides. */
const begin = async (
  context: TestContext,
  { rules = RULES, first = '', at = '2026-11-22T16:10:00Z' } = {},
) => {
  const root = await mkdtemp(join(tmpdir(), 'logd-follower-'));
  const logs = join(root, 'logs');
  await mkdir(logs);
  if (first !== '') await writeFile(join(logs, 'access.log.202611221600'), first);
  const marks = await openTestMarks(root);
  const own = createSourceFiles(await openHolds(join(root, 'held')));
  let gate: Promise<void> | undefined;
  const files: SourceFiles = {
    ...own,
    read: async (source, work) => {
      await gate;
      return own.read(source, work);
    },
  };
  const clock = fakeClock(at);
  const hours = openHours('UTC');
  const buffers = bufferPool(SIZE);
  const budget = byteBudget(64 * SIZE);
  const parts = { host: 'web1', stream: 'access', hours, marks, files, clock, emit: () => undefined };
  const cutter = createPackCutter({ ...parts, packBytes: SIZE, maxLine: SIZE, buffers, budget });
  const lost: number[] = [];
  const onUnreadable = (): void => undefined;
  const tracker = await openFileTracker({
    ...{ ...parts, start: 'beginning', onUnreadable, signal: new AbortController().signal },
    onLost: async (segment, _path, reason, bytes) => {
      lost.push(bytes);
      await cutter.lose(segment, reason, bytes).recorded;
    },
  });
  const pattern = parsePattern(join(logs, 'access.log.<%Y%m%d%H%M>'));
  const found = openDiscovery({ pattern, hours, onError: () => undefined });
  let cutting = true;
  let looks = 0;
  let staged: Staged | undefined;
  const discovery: Discovery = {
    isHidden: found.isHidden,
    async scan(options) {
      const now = staged;
      staged = undefined;
      if (now === undefined) {
        const seen = await found.scan(options);
        looks++;
        return seen;
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      cutting = true;
      const seen = await found.scan(options);
      await now.before();
      gate = undefined;
      resolve();
      await sleep(100);
      await now.after();
      looks++;
      return seen;
    },
  };
  const taken: string[] = [];
  const ended = new AbortController();
  const running = follow(
    {
      ...{
        rules: { ...rules, backlog: 'before' },
        hours,
        discovery,
        tracker,
        cutter,
        budget,
        buffers,
        clock,
      },
      deliver: ({ raw, lease, buffer }: CutPack) => {
        taken.push(raw.toString());
        lease?.release();
        if (buffer !== undefined) buffers.give(buffer);
      },
      mayCut: () => cutting,
      onUnreadable,
    },
    ended.signal,
  );
  context.after(async () => {
    ended.abort();
    await running;
    await own[Symbol.asyncDispose]();
    await marks[Symbol.asyncDispose]();
    await rm(root, { recursive: true });
  });
  const path = (minute: string): string => join(logs, `access.log.202611221${minute}`);
  /** Goes on by so many milliseconds, and then some looks. */
  const pass = async (ms = 0): Promise<void> => {
    clock.advance(ms);
    for (const from = looks; looks < from + 3; clock.advance(2)) await sleep(2);
  };
  return {
    ...{ clock, lost, pass, path },
    text: () => taken.join(''),
    looks: () => looks,
    write: (minute: string, text: string) => appendFile(path(minute), text),
    /** From now on nothing is cut, until the staged look. */
    hold: () => (cutting = false),
    stage: (look: Partial<Staged>) => {
      const nothing = async (): Promise<void> => undefined;
      staged = { before: nothing, after: nothing, ...look };
    },
  };
};

describe('a follower that cuts while it looks', () => {
  it('takes no more of a file than a look has seen: else the file would seem to have been cut short', async (context) => {
    const { write, pass, stage, text, lost } = await begin(context);
    await write('600', 'one\n');
    await pass();
    assert.equal(text(), '');
    stage({ before: () => write('600', 'two\n') });
    await pass(1000);
    await pass(1000);
    assert.equal(text(), 'one\ntwo\n');
    assert.deepEqual(lost, []);
  });

  it('takes no file to be over because the look is slow', async (context) => {
    const { write, pass, stage, text, hold, clock } = await begin(context);
    hold();
    await write('600', PACK);
    await write('601', 'whole\nhalf');
    await write('602', 'next\n');
    await pass();
    stage({
      before: async () => clock.advance(6000),
      after: () => write('601', ' line\n'),
    });
    await pass();
    await pass(1000);
    await pass(6000);
    assert.equal(text(), `${PACK}whole\nhalf line\nnext\n`);
  });

  it('what is cut off while it looks is lost once, and what is written then is taken', async (context) => {
    const { write, pass, stage, text, hold, lost, path } = await begin(context);
    await write('600', PACK);
    await pass();
    hold();
    await write('600', PACK + PACK);
    await pass();
    stage({ before: () => truncate(path('600'), 0) });
    await pass();
    await write('600', 'new\n');
    await pass(1000);
    await pass(1000);
    assert.equal(text(), `${PACK}new\n`);
    assert.deepEqual(lost, [2 * SIZE]);
  });
});

it('what is due is cut between two looks', async (context) => {
  const rules = { ...RULES, maxDelay: 20, pollInterval: 3_600_000 };
  const { text, clock } = await begin(context, { rules, first: 'one\n' });
  for (let passed = 0; passed < 60_000 && text() === ''; passed += 5) {
    clock.advance(5);
    await sleep(2);
  }
  assert.equal(text(), 'one\n');
});

it('it looks when an hour begins, however rarely else', async (context) => {
  const rules = { ...RULES, maxDelay: 20, pollInterval: 3_600_000 };
  const { text, clock, write, looks } = await begin(context, { rules, at: '2026-11-22T16:59:59.900Z' });
  while (looks() === 0) await sleep(2);
  await write('659', 'one\n');
  for (let passed = 0; passed < 60_000 && text() === ''; passed += 5) {
    clock.advance(5);
    await sleep(2);
  }
  assert.equal(text(), 'one\n');
});
