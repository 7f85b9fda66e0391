import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openSql } from '../../../src/monitor/store/registry.ts';
import { monitorStoreContract } from '../../contract/monitor-store.ts';

describe('the store of a monitor: sqlite', () => {
  for (const [name, property] of Object.entries(monitorStoreContract))
    it(name, async (test) => {
      const dir = await mkdtemp(join(tmpdir(), 'logd-monitor-'));
      test.after(() => rm(dir, { recursive: true }));
      // Opened twice: the second opening finds the tables there.
      await (await openSql({ kind: 'sqlite' }, dir))[Symbol.asyncDispose]();
      await using sql = await openSql({ kind: 'sqlite' }, dir);
      await property(sql);
    });
});
