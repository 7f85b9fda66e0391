/** What waits for a monitor is bounded, survives a restart, and is never taken for sent when it was not. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { MOST_REPORTS, type NodeReport, openReportQueue } from '../../src/reporting/report-queue.ts';

const report = (n: number): NodeReport => ({
  ...{ at: n, level: 'warn', event: 'e', message: `m${n}`, fields: { reason: 'x'.repeat(5_000) } },
});

const fileOf = async (test: TestContext): Promise<{ readonly dir: string; readonly file: string }> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-reports-'));
  test.after(() => rm(dir, { recursive: true }));
  return { dir, file: join(dir, 'reports.jsonl') };
};

describe('the queue of reports', () => {
  it('survives a restart with its origins, and leaves no file when all is sent', async (test) => {
    const { dir, file } = await fileOf(test);
    const first = await openReportQueue(file);
    for (const n of [1, 2, 3]) first.add(report(n));
    first.done(first.next(1), 0);
    await first.save();
    const again = await openReportQueue(file);
    again.add(report(4));
    const all = again.next(10);
    assert.deepEqual(
      all.map(({ at }) => at),
      [2, 3, 4],
    );
    assert.deepEqual(all.slice(0, 2), first.next(10));
    assert.equal(new Set(all.map(({ origin }) => origin.split('/')[0])).size, 2);
    assert.ok(all.every(({ fields }) => String(fields['reason']).length === 1_000));
    again.done(all, 0);
    await again.save();
    assert.deepEqual(await readdir(dir), []);
  });

  it('is bounded; what was dropped while a batch was on its way is not taken for sent', async (test) => {
    const queue = await openReportQueue((await fileOf(test)).file);
    for (let n = 0; n < MOST_REPORTS; n++) queue.add(report(n));
    const batch = queue.next(500);
    for (let n = 0; n < 700; n++) queue.add(report(MOST_REPORTS + n));
    queue.done(batch, 0);
    assert.ok(queue.length <= MOST_REPORTS + 500 && queue.dropped >= 500);
    const [next] = queue.next(1);
    assert.ok(next !== undefined && next.at >= 500 && next.at === queue.dropped);
    const { dropped } = queue;
    queue.done([], dropped);
    assert.equal(queue.dropped, 0);
  });

  it('begins empty where its file is damaged, and forgives a disk that takes nothing', async (test) => {
    const { dir, file } = await fileOf(test);
    await writeFile(file, '{"at":1,');
    const queue = await openReportQueue(file);
    assert.equal(queue.length, 0);
    const nowhere = await openReportQueue(join(dir, 'no', 'such', 'dir'));
    nowhere.add(report(1));
    await nowhere.save();
    assert.equal(nowhere.length, 1);
  });
});
