/** The monitor's store in MariaDB or MySQL, for those who want it where their other data is. The driver is loaded only for it. */
import type { SqlKind } from '../sql.ts';
import { type MariadbOptions, mariadbOptions } from './options.ts';

export const mariadbStore: SqlKind<typeof mariadbOptions> = {
  kind: 'mariadb',
  summary: 'In a MariaDB or MySQL database.',
  schema: mariadbOptions,
  open: async (options) => (await import('./mariadb.ts')).openMariadb(options as unknown as MariadbOptions),
};
