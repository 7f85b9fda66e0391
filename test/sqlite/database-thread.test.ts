import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { openDatabaseThread } from '../../src/sqlite/database-thread.ts';
import { moduleBeside } from '../../src/threads/module-beside.ts';
import type { DatabaseThread, DatabaseThreadOptions } from '../../src/sqlite/database-thread.ts';
import type { NotesOperations } from './notes-module.ts';

describe('database thread', () => {
  let directory = '';
  let path = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'logd-thread-'));
    path = join(directory, 'a', 'b', 'notes.db');
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const openNotes = (options: Partial<DatabaseThreadOptions> = {}) =>
    openDatabaseThread<NotesOperations>({
      module: moduleBeside(import.meta.url, 'notes-module'),
      path,
      ...options,
    });

  /** Resolves once the thread stands still, with what lets it go on: everything called in between is one group. */
  const block = async (notes: DatabaseThread<NotesOperations>): Promise<() => Promise<void>> => {
    const gate = new Int32Array(new SharedArrayBuffer(8));
    const blocked = notes.read('block', gate);
    await Atomics.waitAsync(gate, 0, 0).value;
    return () => {
      Atomics.store(gate, 1, 1);
      Atomics.notify(gate, 1);
      return blocked;
    };
  };

  it('keeps what was written, with settings that survive power loss', async () => {
    {
      await using notes = await openNotes();
      await notes.write('add', 'first');
      assert.equal(await notes.read('setting', 'journal_mode'), 'wal');
      assert.equal(await notes.read('setting', 'synchronous'), 2);
      assert.equal(await notes.read('setting', 'foreign_keys'), 1);
    }
    await using again = await openNotes();
    assert.equal(await again.read('count'), 1);
  });

  it('commits what is queued together in few transactions', async () => {
    await using notes = await openNotes();
    const release = await block(notes);
    const writes = Array.from({ length: 500 }, (_, index) => notes.write('add', `note ${index}`));
    await Promise.all([release(), ...writes]);
    assert.equal(await notes.read('count'), 500);
    assert.deepEqual(notes.counters(), { transactions: 1, writes: 500 });
  });

  it('lets a read see the writes that were called before it', async () => {
    await using notes = await openNotes();
    const [, seen] = await Promise.all([
      notes.write('add', 'a'),
      notes.read('count'),
      notes.write('add', 'b'),
    ]);
    assert.ok(seen >= 1);
  });

  it('undoes a failing write alone, and hands its error over with code and retryable', async () => {
    await using notes = await openNotes();
    const release = await block(notes);
    const writes = [
      notes.write('add', 'before'),
      notes.write('addThenFail', 'bad'),
      notes.write('add', 'after'),
    ];
    const [results] = await Promise.all([Promise.allSettled(writes), release()]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    await assert.rejects(notes.write('addThenFail', 'bad'), {
      name: 'LogdError',
      code: 'conflict',
      message: 'No such note, please.',
      retryable: true,
    });
    assert.equal(await notes.read('count'), 2);
  });

  it('rejects the whole group when COMMIT fails, and goes on', async () => {
    await using notes = await openNotes();
    const release = await block(notes);
    const writes = [notes.write('add', 'fine'), notes.write('addOrphan', 'orphan')];
    const refused = writes.map((write) => assert.rejects(write, { code: 'storage', message: /FOREIGN KEY/ }));
    await Promise.all([...refused, release()]);
    assert.equal(await notes.read('count'), 0);
    await notes.write('add', 'next');
    assert.equal(await notes.read('count'), 1);
  });

  it('says that a full disk may pass, and works again when it has', async () => {
    await using notes = await openNotes();
    await notes.write('limitPages', 4);
    await assert.rejects(notes.write('add', 'x'.repeat(50_000)), {
      code: 'storage',
      retryable: true,
      message: /full.*free space/,
    });
    await notes.write('limitPages', 1_000);
    await notes.write('add', 'x'.repeat(50_000));
    assert.equal(await notes.read('count'), 1);
  });

  it('rejects the group when a fault point before COMMIT throws, and goes on', async (t) => {
    process.env['LOGD_FAULT'] = 'marks.before-commit:2:ENOSPC';
    t.after(() => delete process.env['LOGD_FAULT']);
    await using notes = await openNotes({
      faults: { beforeCommit: 'marks.before-commit', afterCommit: 'marks.after-commit' },
    });
    await notes.write('add', 'one');
    await assert.rejects(notes.write('add', 'two'), { code: 'storage', retryable: true, message: /ENOSPC/ });
    await notes.write('add', 'three');
    assert.equal(await notes.read('count'), 2);
  });

  it('ends when it cannot know whether a COMMIT is on the disk', async (t) => {
    process.env['LOGD_FAULT'] = 'marks.after-commit:2:EIO';
    t.after(() => delete process.env['LOGD_FAULT']);
    {
      await using notes = await openNotes({
        faults: { beforeCommit: 'marks.before-commit', afterCommit: 'marks.after-commit' },
      });
      await notes.write('add', 'one');
      await assert.rejects(notes.write('add', 'two'), { code: 'storage', message: /may or may not be on/ });
      await assert.rejects(notes.read('count'), { code: 'storage' });
      assert.match(String(await notes.ended), /EIO.*Restart the node/);
    }
    await using again = await openNotes();
    assert.equal(await again.read('count'), 2);
  });

  it('does not queue without bound', async () => {
    await using notes = await openNotes({ queueLimit: 2 });
    const calls = [notes.write('add', 'a'), notes.write('add', 'b')];
    await assert.rejects(notes.write('add', 'c'), { code: 'limit', retryable: true });
    await Promise.all(calls);
    await notes.write('add', 'd');
    assert.equal(await notes.read('count'), 3);
  });

  it('finishes what is queued when it is closed, and takes nothing more', async () => {
    const notes = await openNotes();
    const queued = notes.write('add', 'last');
    await Promise.all([notes[Symbol.asyncDispose](), notes[Symbol.asyncDispose](), queued]);
    await assert.rejects(notes.write('add', 'later'), { code: 'closed' });
    assert.equal(await notes.ended, undefined);
  });

  it('rejects what waits when the thread dies, and tells its owner', async () => {
    await using notes = await openNotes();
    const waiting = [notes.read('die'), notes.read('count')];
    await Promise.allSettled(waiting);
    const error = await notes.ended;
    assert.equal(error?.code, 'storage');
    assert.match(error.message, /died: a defect/);
    await assert.rejects(notes.write('add', 'later'), { code: 'storage', message: /died/ });
  });

  for (const suffix of ['', '-wal'])
    for (const how of ['deleted', 'replaced'])
      it(`acknowledges nothing more once notes.db${suffix} was ${how}, and ends`, async () => {
        await using notes = await openNotes();
        await notes.write('add', 'before');
        const release = await block(notes);
        if (how === 'replaced') await copyFile(`${path}${suffix}`, `${path}.copy`);
        await (how === 'replaced' ? rename(`${path}.copy`, `${path}${suffix}`) : rm(`${path}${suffix}`));
        const gone = {
          ...{ code: 'storage', retryable: false },
          message: new RegExp(
            `^${path}${suffix} was removed or replaced .* notebook.* ${suffix === '' ? 'Do not start' : 'start it again'}`,
          ),
        };
        const group = [notes.write('add', 'one'), notes.write('add', 'two'), notes.read('count')];
        await Promise.all([...group.map((call) => assert.rejects(call, gone)), release()]);
        await assert.rejects(notes.write('add', 'later'), gone);
        assert.match((await notes.ended)?.message ?? '', gone.message);
        if (suffix === '') return;
        await using again = await openNotes();
        assert.ok((await again.read('count')) >= 1, 'what was acknowledged is there');
      });

  it('refuses a newer schema, another program’s file, and what is no database', async () => {
    await (await openNotes())[Symbol.asyncDispose]();
    const change = (sql: string): void => {
      const db = new DatabaseSync(path);
      db.exec(sql);
      db.close();
    };
    change('PRAGMA user_version = 3');
    await assert.rejects(openNotes(), {
      code: 'storage',
      message: /newer logd \(schema 3, this one knows 2\)/,
    });
    change('PRAGMA user_version = 1');
    await assert.rejects(openNotes(), { code: 'storage', message: /has schema 1/ });
    change('PRAGMA application_id = 1');
    await assert.rejects(openNotes(), { code: 'storage', message: /is no notebook of logd/ });
    const text = 'a file of another kind\n'.repeat(100);
    await writeFile(path, text);
    await assert.rejects(openNotes(), {
      code: 'storage',
      retryable: false,
      message: /is not a database.*Check the configured path.*Write it anew/,
    });
    assert.equal(await readFile(path, 'utf8'), text);
  });

  it('says what fails where the file cannot be', async () => {
    await writeFile(join(directory, 'a'), '');
    await assert.rejects(openNotes(), {
      code: 'storage',
      message: /Cannot make the directory .*: a file is in the way/,
    });
  });
});
