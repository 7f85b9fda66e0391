/** What a sink says about itself: who sends, what is being stored, which hours are open. */
import type { FollowerStatus } from '../../outputs/output-follower.ts';
import type { Answer } from '../../pack/answer.ts';
import type { PackHeader } from '../../pack/pack.ts';
import type { PackTarget } from '../../receive/pack-target.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { createInFlight } from '../../telemetry/in-flight.ts';
import { createLifecycle } from '../../telemetry/lifecycle.ts';
import { createMeter } from '../../telemetry/meter.ts';
import type { RecentErrors } from '../../telemetry/recent-errors.ts';
import { NO_LAG, type PartStatus, type RoleStatus, SHOWN } from '../../telemetry/status.ts';
import type { Listener } from '../../transport/listen.ts';
import type { OpenHours } from './open-hours.ts';

export interface SinkStatusOptions {
  readonly clock: Clock;
  readonly failed: Promise<Error>;
  readonly errors: RecentErrors;
  readonly openHours: OpenHours;
  /** Undefined until the sink listens. */
  readonly listener: () => Pick<Listener, 'connections' | 'inFlightBytes' | 'peers'> | undefined;
  readonly limits: { readonly connections: number; readonly in_flight: number };
  /** Further parts, such as outputs. */
  readonly parts?: () => readonly PartStatus[];
  /** Called with the header of each pack that arrives. */
  readonly onHeader?: (header: PackHeader) => void;
}

export interface SinkStatus {
  /** A target whose packs are counted. */
  counting(target: Pick<PackTarget, 'put' | 'ready'>): Pick<PackTarget, 'put' | 'ready'>;
  stopping(): void;
  read(): RoleStatus;
}

/** An output as a part of the sink. What it has still to deliver is known in segments only. */
export const outputPart = (output: FollowerStatus): PartStatus => {
  const { name, state, error, paused, pending, failing, lines, rejected } = output;
  const counts = `${pending} segments due, ${lines} lines delivered, ${rejected} rejected`;
  const why = paused ? 'paused; ' : error === undefined ? '' : `${error} `;
  const isDegraded = paused || failing > 0 || state === 'failing';
  return {
    ...{ kind: 'output', name, detail: `${why}${counts}` },
    state: isDegraded ? 'degraded' : state === 'connecting' ? 'starting' : 'running',
    lag: pending === 0 ? NO_LAG : { bytes: null, seconds: null },
  };
};

export const createSinkStatus = (options: SinkStatusOptions): SinkStatus => {
  const { clock, failed, errors, openHours, listener, limits } = options;
  const startedAt = clock.now();
  const meter = createMeter(clock);
  const lifecycle = createLifecycle(failed);
  const storing = createInFlight(clock);
  let refused = 0;
  /** Why the last pack could not be stored; undefined since one could. */
  let trouble: string | undefined;

  const note = (answer: Answer, lines: number, bytes: number): void => {
    if (answer.kind === 'ack') {
      meter.count({ lines, bytes });
      trouble = undefined;
      return;
    }
    refused++;
    if (answer.code === 'storage') trouble = answer.message;
  };

  return {
    counting: (target) => ({
      ready: (segment) => target.ready?.(segment),
      async put(pack, from) {
        const { lines, bytes } = pack.header;
        options.onHeader?.(pack.header);
        const end = storing.begin(bytes);
        try {
          const answer = await target.put(pack, from);
          note(answer, lines, bytes);
          return answer;
        } finally {
          end();
        }
      },
    }),
    stopping: lifecycle.stopping,
    read() {
      const { list, count } = openHours.read();
      const { connections = 0, inFlightBytes = 0 } = listener() ?? {};
      const peers = (listener()?.peers(SHOWN) ?? []).map(({ node, address }): PartStatus => ({
        ...{ kind: 'connection', name: node, state: 'running', detail: address },
      }));
      const others = options.parts?.() ?? [];
      const failing = others.find(({ state }) => state === 'degraded' || state === 'failed');
      return {
        role: 'sink',
        ...lifecycle.read(
          trouble ?? (failing && `${failing.kind} ${failing.name}: ${failing.detail ?? failing.state}`),
        ),
        startedAt,
        lag: { bytes: storing.bytes, seconds: storing.seconds },
        throughput: meter.read(),
        openHours: list,
        openHourCount: count,
        parts: [...peers, ...others],
        gauges: [
          {
            name: 'connections',
            help: 'Connections that are open.',
            value: connections,
            limit: limits.connections,
          },
          {
            name: 'in_flight_bytes',
            help: 'Body bytes in memory: on their way in, or not yet answered.',
            value: inFlightBytes,
            limit: limits.in_flight,
          },
          {
            name: 'storing_packs',
            help: 'Packs that have arrived and are not yet durable.',
            value: storing.count,
          },
          { name: 'refused_packs_total', help: 'Packs that were refused since the start.', value: refused },
        ],
        errors: errors.list(),
      };
    },
  };
};
