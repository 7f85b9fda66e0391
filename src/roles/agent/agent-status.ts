/** What an agent says about itself: its streams, what is not cut or not acknowledged, its connection. */
import type { StreamView } from '../../cut/stream.ts';
import type { Pack } from '../../pack/pack.ts';
import type { Upstream } from '../../transport/transport.ts';
import type { Sender } from '../../send/sender.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { createInFlight } from '../../telemetry/in-flight.ts';
import { createLifecycle } from '../../telemetry/lifecycle.ts';
import { createMeter } from '../../telemetry/meter.ts';
import type { RecentErrors } from '../../telemetry/recent-errors.ts';
import { type OpenHour, type PartStatus, type RoleStatus, SHOWN } from '../../telemetry/status.ts';
import type { UpstreamWatch } from '../upstream-watch.ts';

export interface AgentStatusOptions {
  readonly host: string;
  readonly clock: Clock;
  readonly failed: Promise<Error>;
  readonly errors: RecentErrors;
  readonly upstreams: UpstreamWatch;
  /** Memory for packs on their way: bytes in use, and the most there may be. */
  readonly window: () => { readonly used: number; readonly limit: number };
  /** Names of the configured streams. */
  readonly streams: readonly string[];
}

export interface AgentStatus {
  /** The stream is open from now on. */
  opened(stream: string, view: StreamView): void;
  /** A sender that is counted. */
  counting(sender: Pick<Sender, 'send'>): Pick<Sender, 'send'>;
  stopping(): void;
  read(): RoleStatus;
}

export const createAgentStatus = (options: AgentStatusOptions): AgentStatus => {
  const { host, clock, failed, errors, upstreams, window, streams } = options;
  const startedAt = clock.now();
  const meter = createMeter(clock);
  const lifecycle = createLifecycle(failed);
  const views = new Map<string, StreamView>();
  const flights = new Map(streams.map((stream) => [stream, createInFlight(clock)]));
  const meters = new Map(streams.map((stream) => [stream, createMeter(clock)]));
  const secondsSince = (monotonic: number): number => Math.max(0, (clock.monotonic() - monotonic) / 1000);

  const lookAt = (stream: string) => {
    const hours = views.get(stream)?.openHours() ?? [];
    const flight = flights.get(stream);
    const ages = hours.flatMap(({ unreadSince }) => unreadSince ?? []).map(secondsSince);
    const lag = {
      bytes: hours.reduce((sum, { unread }) => sum + unread, 0) + (flight?.bytes ?? 0),
      seconds: Math.max(0, flight?.seconds ?? 0, ...ages),
    };
    const throughput = meters.get(stream)?.read();
    const part: PartStatus = {
      ...{ kind: 'stream', name: stream, state: views.has(stream) ? 'running' : 'starting', lag },
      ...(throughput !== undefined && { throughput }),
      detail: `${hours.length} open hours, ${flight?.count ?? 0} packs not acknowledged`,
    };
    const open = hours.map(({ hour, packs, bytes, changedAt }): OpenHour => ({
      ...{ host, stream, hour, packs, bytes },
      changedAt: Math.round(clock.now() - secondsSince(changedAt) * 1000),
    }));
    return { part, lag, open };
  };

  return {
    opened: (stream, view) => void views.set(stream, view),
    counting: (sender) => ({
      async send(pack: Pack, via?: Upstream) {
        const { stream, bytes, lines } = pack.header;
        const end = flights.get(stream)?.begin(bytes);
        try {
          const answer = await sender.send(pack, via);
          if (answer.kind === 'ack') {
            meter.count({ lines, bytes });
            meters.get(stream)?.count({ lines, bytes });
          }
          return answer;
        } finally {
          end?.();
        }
      },
    }),
    stopping: lifecycle.stopping,
    read() {
      const all = streams.map(lookAt);
      const open = all.flatMap((each) => each.open);
      const { used, limit } = window();
      const packs = [...flights.values()].reduce((sum, { count }) => sum + count, 0);
      return {
        role: 'agent',
        host,
        ...lifecycle.read(upstreams.trouble()),
        startedAt,
        lag: {
          bytes: all.reduce((sum, { lag }) => sum + lag.bytes, 0),
          seconds: Math.max(0, ...all.map(({ lag }) => lag.seconds)),
        },
        throughput: meter.read(),
        openHours: open.toSorted((a, b) => (a.hour < b.hour ? -1 : 1)).slice(0, SHOWN),
        openHourCount: open.length,
        parts: [...upstreams.parts(), ...all.map(({ part }) => part)].slice(0, 2 * SHOWN),
        gauges: [
          {
            name: 'window_bytes',
            help: 'Memory for packs that are read and not acknowledged.',
            value: used,
            limit,
          },
          { name: 'unacked_packs', help: 'Packs that are sent and not acknowledged.', value: packs },
        ],
        errors: errors.list(),
      };
    },
  };
};
