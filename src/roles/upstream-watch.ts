/** The connections of a role that sends, as their events tell them. */
import type { Emit } from '../telemetry/events.ts';
import type { PartStatus } from '../telemetry/status.ts';

export interface UpstreamWatch {
  /** Passes every event on. */
  readonly emit: Emit;
  /** One part for each address. */
  parts(): readonly PartStatus[];
  /** Why nothing can be sent, in one sentence; undefined while one connection is there. */
  trouble(): string | undefined;
}

/** `addresses`: as the events name them. */
export const watchUpstreams = (addresses: readonly string[], emit: Emit): UpstreamWatch => {
  const parts = new Map<string, PartStatus>(
    addresses.map((name) => [name, { kind: 'connection', name, state: 'starting' }]),
  );
  const set = (name: string, state: PartStatus['state'], detail: string): void =>
    void parts.set(name, { kind: 'connection', name, state, detail });
  return {
    emit(name, fields) {
      const { address, node, reason } = fields as Readonly<Record<string, string>>;
      if (address !== undefined && name === 'send.connected') set(address, 'running', `connected to ${node}`);
      if (address !== undefined && (name === 'send.disconnected' || name === 'send.refused'))
        set(address, 'degraded', reason ?? '');
      emit(name, fields);
    },
    parts: () => [...parts.values()],
    trouble() {
      const all = [...parts.values()];
      if (all.some(({ state }) => state === 'running')) return undefined;
      return all.find(({ state }) => state === 'degraded')?.detail;
    },
  };
};
