/** The monitor's store in SQLite: one file, nothing to set up. */
import { join } from 'node:path';
import type { z } from 'zod';
import { path } from '../../../config/kind.ts';
import { option, section } from '../../../config/option.ts';
import { openDatabaseThread } from '../../../sqlite/database-thread.ts';
import { moduleBeside } from '../../../threads/module-beside.ts';
import type { SqlKind } from '../sql.ts';
import type { MonitorOperations } from './operations.ts';

const schema = section('One SQLite database.', {
  path: option(path(), {
    summary: 'The database.',
    absent: 'monitor.db in state_dir',
    example: '/var/lib/logd/monitor.db',
  }),
});

export const sqliteStore: SqlKind<typeof schema> = {
  kind: 'sqlite',
  summary: 'In one file; nothing to set up.',
  schema,
  async open(options, stateDir) {
    const { path: file = join(stateDir, 'monitor.db') } = options as z.output<typeof schema>;
    const thread = await openDatabaseThread<MonitorOperations>({
      module: moduleBeside(import.meta.url, 'operations'),
      path: file,
    });
    return {
      all: (sql, values = []) => thread.read('all', sql, values),
      write: (statements) => thread.write('write', statements),
      [Symbol.asyncDispose]: () => thread[Symbol.asyncDispose](),
    };
  },
};
