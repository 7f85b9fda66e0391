/** The kinds of stores there are. A new one is a folder beside this file, and its name in the list. */
import type { Variant } from '../config/option.ts';
import { LogdError } from '../error.ts';
import { fileStore } from './file/file-store.ts';
import type { Store, StoreKind, StoreView } from './store.ts';

export const storeKinds: readonly StoreKind[] = [fileStore];

/** Opens the store of a validated `sink.store` section; `id`: the one that the ledger knows. */
export const openStore = (store: Variant, id: string | undefined): Promise<Store> =>
  kindOf(store).open(store, id);

/** What the store of a validated `sink.store` section holds, to look at only. */
export const viewStore = (store: Variant): Promise<StoreView> => kindOf(store).view(store);

const kindOf = ({ kind }: Variant): StoreKind => {
  const found = storeKinds.find((each) => each.kind === kind);
  if (found === undefined) throw new LogdError('config', `There is no kind of store called ${kind}.`);
  return found;
};
