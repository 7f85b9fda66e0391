/**
 * Keeps an outage, or a hostile client, from flooding the log: of events that come with each pack and each try, the first is passed on, then once a minute how many
 * came since, and at the end how many it were and how long it took.
 *
 *   first ─▶ passed on ─ more within a minute ─▶ counted ─ each minute: node.repeated
 *                                                   ├ a minute without one ─▶ node.repeats-over
 *                                                   └ the connection is back ─▶ send.back
 *
 * For the log alone: metrics, status and the monitor see every event.
 */
import type { Clock } from './clock.ts';
import { type Emit, type EventFields, type EventName, EVENTS } from './events.ts';
import { lasting } from './lasting.ts';
import { renderText } from './log.ts';

const MINUTE_MS = 60_000;
/** Outages at a time; those of an event that are beyond them count as one. */
const MOST_OUTAGES = 1_000;

type AnyFields = Readonly<Record<string, string | number>>;

const withoutPort = (peer: string | number | undefined): string => String(peer).replace(/:\d+$/, '');

/** Which of these events tell of the same outage; undefined for one that is always passed on. */
const OUTAGES: Partial<Record<EventName, (fields: AnyFields) => string | undefined>> = {
  'send.disconnected': ({ address }) => String(address),
  'send.refused': ({ address }) => String(address),
  'send.pack-deferred': ({ code }) => String(code),
  // Our own failure is one for all peers.
  'receive.bad-pack': ({ peer, code }) =>
    code === 'storage' || code === 'closing' ? code : `${withoutPort(peer)} ${code}`,
  'receive.bad-frame': ({ peer, code }) => `${withoutPort(peer)} ${code}`,
  'receive.refused': ({ peer, code, reason }) =>
    code === 'busy' ? `${withoutPort(peer)} busy` : `${withoutPort(peer)} ${reason}`,
  'store.conflict': ({ host }) => String(host),
  'store.failed': () => '',
  'seal.failed': () => '',
  'spool.failed': ({ dir }) => String(dir),
  'output.failed': ({ output }) => String(output),
};

interface Outage {
  readonly event: EventName;
  readonly key: string;
  /** Monotonic. */
  readonly since: number;
  /** After the first. */
  repeats: number;
  /** Of them, those that no line has told of. */
  untold: number;
  lastText: string;
}

export interface GatheredRepeats {
  readonly emit: Emit;
  /** Tells of what was counted and not told. */
  close(): void;
}

export const gatherRepeats = (emit: Emit, clock: Clock): GatheredRepeats => {
  const outages = new Map<string, Outage>();
  let timer: NodeJS.Timeout | undefined;

  const tellRepeats = (outage: Outage): void => {
    const { event, untold, lastText } = outage;
    if (untold > 0) emit('node.repeated', { repeated: event, count: untold, last: lastText });
    outage.untold = 0;
  };

  const look = (): void => {
    for (const [name, outage] of outages) {
      if (outage.untold > 0) {
        tellRepeats(outage);
        continue;
      }
      outages.delete(name);
      const { event, repeats, since } = outage;
      const lasted = lasting(clock.monotonic() - since - MINUTE_MS);
      if (repeats > 0) emit('node.repeats-over', { repeated: event, count: repeats + 1, lasted });
    }
    if (outages.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };

  /** The connection is back: what was not possible without it is over too. */
  const tellBack = (address: string): void => {
    const away = [`send.disconnected ${address}`, `send.refused ${address}`].flatMap(
      (name) => outages.get(name) ?? [],
    );
    const deferred = [...outages].filter(([, { event }]) => event === 'send.pack-deferred');
    const tries = away.reduce((sum, { repeats }) => sum + repeats + 1, 0);
    const packs = deferred.reduce((sum, [, { repeats }]) => sum + repeats + 1, 0);
    if (tries > 1) {
      const since = Math.min(...away.map((outage) => outage.since));
      emit('send.back', { address, away: lasting(clock.monotonic() - since), tries, packs });
    }
    for (const { event, key } of away) outages.delete(`${event} ${key}`);
    if (tries > 1) for (const [name] of deferred) outages.delete(name);
  };

  const pass = <Name extends EventName>(name: Name, fields: EventFields<Name>): void => {
    if (name === 'send.connected') tellBack(String((fields as AnyFields)['address']));
    const key = OUTAGES[name]?.(fields);
    if (key === undefined) return emit(name, fields);
    const own = `${name} ${key}`;
    const outage = outages.size < MOST_OUTAGES || outages.has(own) ? own : name;
    const known = outages.get(outage);
    if (known === undefined) {
      outages.set(outage, {
        event: name,
        key,
        since: clock.monotonic(),
        repeats: 0,
        untold: 0,
        lastText: '',
      });
      timer ??= setInterval(look, MINUTE_MS).unref();
      return emit(name, fields);
    }
    known.repeats++;
    known.untold++;
    known.lastText = renderText(EVENTS[name].text, fields);
  };

  return {
    emit: pass,
    close() {
      clearInterval(timer);
      for (const outage of outages.values()) tellRepeats(outage);
      outages.clear();
    },
  };
};
