/** The kinds of stores that a monitor can have. A new one is a folder beside this file, and its name in the list. */
import type { Variant } from '../../config/option.ts';
import { LogdError } from '../../error.ts';
import { mariadbStore } from './mariadb/kind.ts';
import type { Sql, SqlKind } from './sql.ts';
import { sqliteStore } from './sqlite/kind.ts';

export const sqlKinds: readonly SqlKind[] = [sqliteStore, mariadbStore];

/** Opens the store of a validated `monitor.store` section. */
export const openSql = (options: Variant, stateDir: string): Promise<Sql> => {
  const kind = sqlKinds.find((each) => each.kind === options.kind);
  if (kind === undefined) throw new LogdError('config', `There is no store called ${options.kind}.`);
  return kind.open(options, stateDir);
};
