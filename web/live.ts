/**
 * What the server has to say, and how old it is. One stream of events tells which topics may have changed; whoever shows such data asks
 * again, at most once a second.
 */
import { computed, signal } from '@preact/signals';

export type Topic = 'nodes' | 'hours' | 'events' | 'alerts' | 'verdict';

/** Counts up with each change of a topic. */
export const versions = signal<Readonly<Record<Topic, number>>>({
  nodes: 0,
  hours: 0,
  events: 0,
  alerts: 0,
  verdict: 0,
});

/** When something last came, by this browser's clock; and what the server's clock said then. */
export const lastHeard = signal(Date.now());
const serverAhead = signal(0);

/** Ticks each second, so that ages on the page grow. */
export const now = signal(Date.now());
/** The server's time. */
export const serverNow = computed(() => now.value + serverAhead.value);
export const ageSeconds = computed(() => Math.max(0, Math.round((now.value - lastHeard.value) / 1000)));
/** The page says clearly when what it shows is old. */
export const isOld = computed(() => ageSeconds.value >= 60);
export const isSignedOut = signal(false);

export const heard = (at?: number): void => {
  lastHeard.value = Date.now();
  now.value = Date.now();
  if (at !== undefined) serverAhead.value = at - Date.now();
};

const bump = (topics: readonly Topic[]): void => {
  const next = { ...versions.peek() };
  for (const topic of topics) next[topic]++;
  versions.value = next;
};

interface LiveData {
  readonly topics?: readonly Topic[];
  readonly now?: number;
}

/** Everything may have changed: the monitor was restarted, or somebody signed in. */
export const refreshAll = (): void => bump(['nodes', 'hours', 'events', 'alerts', 'verdict']);

/** Of the last event that came: with it the monitor tells what this page missed. */
let lastId = '';
/** When the stream is opened again, by this browser's clock; undefined while it is open, or being opened. */
export const nextTry = signal<number | undefined>(undefined);
const TRY_MS = 8_000;

const listen = (): void => {
  nextTry.value = undefined;
  const source = new EventSource(`/api/live${lastId === '' ? '' : `?after=${encodeURIComponent(lastId)}`}`);
  const on = (name: string, act: (data: LiveData) => void): void =>
    source.addEventListener(name, (event: MessageEvent<string>) => {
      lastId = event.lastEventId;
      act(JSON.parse(event.data) as LiveData);
    });
  source.addEventListener('open', () => heard());
  source.addEventListener('error', () => {
    // The page tries again itself, so that it can say when.
    source.close();
    nextTry.value = Date.now() + TRY_MS;
    setTimeout(listen, TRY_MS);
  });
  on('alive', ({ now: at }) => heard(at));
  on('again', refreshAll);
  on('changed', ({ topics = [] }) => {
    heard();
    bump(topics);
  });
};

/** An hour is other than it was, and the server's word of it may take a while. */
export const refreshHours = (): void => bump(['hours']);

export const startLive = (): void => {
  listen();
  setInterval(() => (now.value = Date.now()), 1_000);
};
