/** The transports there are. A new one is a folder beside this file, and its name in the list. */
import { LogdError } from '../error.ts';
import { goWireTransport } from './gowire/transport-kind.ts';
import { type Listener, listen, type ListenOptions } from './listen.ts';
import { tcpTransport } from './tcp/transport-kind.ts';
import type { ConnectDeps, TransportKind, Upstream, UpstreamTarget } from './transport.ts';

/** The first one is spoken to callers who have not shown what they speak. */
export const transportKinds: readonly TransportKind[] = [tcpTransport, goWireTransport];

/** Connects by the transport that the target names. */
export const connectUpstream = async (target: UpstreamTarget, deps: ConnectDeps): Promise<Upstream> => {
  const found = transportKinds.find(({ kind }) => kind === target.kind);
  if (found === undefined)
    throw new LogdError('config', `There is no kind of transport called ${target.kind}.`);
  return found.connect(target, deps);
};

/** Listens for packs by every protocol there is, all on one port. Rejects with `unreachable` where the address cannot be had. */
export const listenForPacks = (options: ListenOptions): Promise<Listener> =>
  listen(
    options,
    transportKinds.flatMap(({ protocol }) => protocol ?? []),
  );
