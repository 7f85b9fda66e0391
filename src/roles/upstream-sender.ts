/** The sender of a role: one upstream or several, each by the transport that its address names. */
import type { UpstreamAddress } from '../config/upstreams.ts';
import { createSpreadSender } from '../send/spread-sender.ts';
import type { Sender } from '../send/sender.ts';
import { packageVersion } from '../telemetry/version.ts';
import { connectUpstream } from '../transport/registry.ts';
import type { ConnectDeps, Upstream } from '../transport/transport.ts';
import type { RoleDeps } from './role.ts';
import type { ReadTokens } from './token.ts';

export interface UpstreamSenderOptions {
  readonly node: string;
  readonly to: readonly UpstreamAddress[];
  readonly tokens: ReadTokens | undefined;
  readonly retry: { readonly min: number; readonly max: number };
  readonly slowStart: number;
  readonly damagedTries?: number;
  /** Called with each connection. */
  readonly onUpstream?: (upstream: Upstream) => void;
  /** Called when a receiver wants packs again. */
  readonly onWant?: ConnectDeps['onWant'];
}

/** Names are looked up again at each connection, as the transports connect by name. */
export const createUpstreamSender = (options: UpstreamSenderOptions, { clock, emit }: RoleDeps): Sender => {
  const { node, to, tokens, retry, slowStart, damagedTries, onUpstream, onWant } = options;
  const connectTo =
    ({ address, transport }: UpstreamAddress) =>
    async (signal: AbortSignal): Promise<Upstream> => {
      const [token] = (await tokens?.()) ?? [];
      const hello = { node, software: `logd/${packageVersion()}`, token, clock, signal, onWant };
      return connectUpstream({ ...transport, address }, hello);
    };
  return createSpreadSender({
    upstreams: to.map((one) => ({ name: one.name, weight: one.weight, connect: connectTo(one) })),
    ...{ retry, slowStart, clock, emit, onUpstream },
    ...(damagedTries !== undefined && { damagedTries }),
  });
};
