/** The kinds of sinks there are. A new one is a folder beside this file, and its name in the list. */
import type { Variant } from '../config/option.ts';
import { LogdError } from '../error.ts';
import { fileSink } from './file/file-store.ts';
import type { Sink, SinkKind, SinkView } from './store.ts';

export const sinkKinds: readonly SinkKind[] = [fileSink];

/** Opens the sink of a validated `sink.store` section. */
export const openSink = (store: Variant): Promise<Sink> => kindOf(store).open(store);

/** What the sink of a validated `sink.store` section has stored, to look at only. */
export const viewSink = (store: Variant): SinkView => kindOf(store).view(store);

const kindOf = ({ kind }: Variant): SinkKind => {
  const found = sinkKinds.find((each) => each.kind === kind);
  if (found === undefined) throw new LogdError('config', `There is no kind of sink called ${kind}.`);
  return found;
};
