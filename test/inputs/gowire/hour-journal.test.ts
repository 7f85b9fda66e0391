/** The journal of an hour, and what it makes of files that a power loss has left. */
import assert from 'node:assert/strict';
import { appendFile, mkdtemp, open, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type HourJournal, openHourJournal } from '../../../src/inputs/gowire/hour-journal.ts';

const raw = (id: number): Buffer => Buffer.from(`line of pack ${id}\n`.repeat(100));
const plain = { done: false, hoursInDay: 0 };

const fill = async (journal: HourJournal, ids: readonly number[]): Promise<readonly string[]> => {
  for (const id of ids) await journal.add(raw(id), plain);
  await journal.sync();
  return journal.entries.map(({ sha256 }) => sha256);
};

const DAMAGE: Readonly<Record<string, (path: string) => Promise<void>>> = {
  'a line of the list is torn': (path) => truncate(`${path}.packs`, 700),
  'a line of the list is unreadable': (path) => appendFile(`${path}.packs`, '{"id":6,"off\0\0\n'),
  'bytes of the journal did not reach the disk': (path) => truncate(path, raw(1).length * 3 - 10),
  'bytes of the journal are zeros': async (path) => {
    const file = await open(path, 'r+');
    await file.write(Buffer.alloc(50), 0, 50, raw(1).length * 4 + 10);
    await file.close();
  },
};

describe('journal of an hour of the Go system', () => {
  for (const [what, damage] of Object.entries(DAMAGE))
    it(`goes on before ${what}, and the packs after it get the same places again`, async (t) => {
      const dir = await mkdtemp(join(tmpdir(), 'logd-journal-'));
      t.after(() => rm(dir, { recursive: true, force: true }));
      const path = join(dir, '10.0.0.1.2026112216');
      const first = await openHourJournal(path);
      const digests = await fill(first, [1, 2, 3, 4, 5]);
      await first.close();
      await damage(path);
      const journal = await openHourJournal(path);
      const kept = journal.entries.length;
      assert.ok(kept <= 5);
      const again = await fill(
        journal,
        [1, 2, 3, 4, 5].filter((id) => id > kept),
      );
      assert.deepEqual(again, digests);
      for (const entry of journal.entries) assert.deepEqual(await journal.read(entry), raw(entry.id));
      await journal.close();
    });

  it('many ask for durability and share the work', async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'logd-journal-'));
    t.after(() => rm(dir, { recursive: true, force: true }));
    const journal = await openHourJournal(join(dir, '10.0.0.1.2026112216'));
    await journal.add(raw(1), plain);
    await Promise.all(Array.from({ length: 100 }, () => journal.sync()));
    await journal.close();
    await assert.rejects(journal.sync(), 'a failure is told');
  });
});
