/** What is said of a database that is damaged: for marks and for the ledger the right thing to do is not the same. */
import assert from 'node:assert/strict';
import { mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openMarks } from '../../src/marks/marks.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts';
import { databaseError } from '../../src/sqlite/failure.ts';
import { readHex, readInteger, readText } from '../../src/sqlite/row.ts';

const FIRST_PAGE = 4096;
const KEY = { host: 'web1', stream: 'access', hour: '2026112216' };

const inDirectory = async (job: (dir: string) => Promise<void>): Promise<void> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-damage-'));
  try {
    await job(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};

/** Everything behind the first page, in which SQLite looks for tables, becomes rubbish. */
const damagePages = async (path: string): Promise<void> => {
  await using file = await open(path, 'r+');
  const rubbish = Buffer.alloc((await stat(path)).size - FIRST_PAGE, 0xff);
  await file.write(rubbish, 0, rubbish.length, FIRST_PAGE);
};

const MARKS = /marks\.db failed: .*damaged\. Restore no copy: .*docs\/operations\/state-directory\.md/;
const LEDGER = /ledger\.db failed: .*damaged\. Restore it from a copy, .*"Backup"/;

test('damaged marks: no copy is to be restored, and it is said where to read on', () =>
  inDirectory(async (dir) => {
    await (await openMarks(dir, 'web1'))[Symbol.asyncDispose]();
    await damagePages(join(dir, 'marks.db'));
    await assert.rejects(openMarks(dir, 'web1'), { code: 'storage', retryable: false, message: MARKS });
    await writeFile(join(dir, 'marks.db'), 'no database at all');
    await assert.rejects(openMarks(dir, 'web1'), { code: 'storage', message: MARKS });
  }));

test('a damaged ledger is to be restored from a copy', () =>
  inDirectory(async (dir) => {
    const path = join(dir, 'ledger.db');
    await (await openSqliteLedger({ path }))[Symbol.asyncDispose]();
    await damagePages(path);
    const look = async (): Promise<unknown> => {
      await using ledger = await openSqliteLedger({ path, readOnly: true });
      return ledger.segment(KEY);
    };
    await assert.rejects(look(), { code: 'storage', retryable: false, message: LEDGER });
    await writeFile(path, 'no database at all');
    await assert.rejects(openSqliteLedger({ path }), { code: 'storage', message: LEDGER });
  }));

test('a value that was never written so is damage, too', () => {
  for (const read of [readInteger, readText, readHex])
    try {
      read({ value: null }, 'value');
      assert.fail('it was read');
    } catch (error) {
      const { code, retryable, message } = databaseError(error, '/x.db', 'Do this.');
      assert.deepEqual([code, retryable], ['storage', false]);
      assert.match(
        message,
        /^The database \/x\.db failed: it holds no \w+ in column value\. The file is damaged\. Do this\.$/,
      );
    }
});
