/**
 * What a node tells its monitor: that it is there, that it goes, and its warnings and errors.
 *
 *   emit ─▶ queue (bounded, on disk while the monitor is away) ─▶ POST /node/events, a batch a second
 *   start ─▶ POST /node/register: three tries, then in the background for as long as it takes, and again every few minutes
 *   stop  ─▶ POST /node/unregister: three tries. What could not be told by then waits on disk for the next start
 *
 * The data path only adds to a list. A monitor that is slow, dead or hostile costs one timer and one request.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../error.ts';
import type { Clock } from '../telemetry/clock.ts';
import { type Emit, EVENTS } from '../telemetry/events.ts';
import { renderText } from '../telemetry/log.ts';
import { openReportQueue } from './report-queue.ts';

export interface ReporterOptions {
  /** `http://mon1:7669`. */
  readonly to: string;
  /** Read for each request, so that a new token is used at once. */
  readonly token: (() => Promise<string | undefined>) | undefined;
  /** File for what waits while the monitor is away. */
  readonly file: string;
  readonly node: string;
  readonly version: string;
  readonly startedAt: number;
  readonly clock: Clock;
  /** Where events go besides. */
  readonly emit: Emit;
}

export interface Reporter {
  /** Passes every event on, and keeps warnings and errors for the monitor. */
  readonly emit: Emit;
  /** The node runs: registers it, with where its HTTP listener is. */
  register(roles: readonly string[], http: { readonly host: string; readonly port: number }): void;
  /** Deregisters the node, and sends what waits, where the monitor answers; takes at most a few seconds. */
  goodbye(): Promise<void>;
  /** Keeps on disk what was not sent. */
  close(): Promise<void>;
}

const TIMEOUT_MS = 5_000;
/** A node that stops does not wait long for a monitor that hangs. */
const GOODBYE_TIMEOUT_MS = 1_000;
const SEND_EVERY_MS = 1_000;
const BATCH = 500;
const TRIES = 3;
const TRY_AGAIN_MS = 1_000;
const REGISTER_EVERY_MS = 300_000;
/** While the monitor is away. */
const KNOCK_EVERY_MS = 10_000;

const createPoster =
  ({ to, token, node }: ReporterOptions) =>
  async (path: string, body: object, timeout = TIMEOUT_MS): Promise<void> => {
    const bearer = await token?.();
    const response = await fetch(`${to}/node/${path}`, {
      method: 'POST',
      redirect: 'error',
      signal: AbortSignal.timeout(timeout),
      headers: {
        'content-type': 'application/json',
        ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
      },
      body: JSON.stringify({ node, ...body }),
    });
    await response.arrayBuffer();
    if (response.ok) return;
    throw new Error(
      response.status === 401 ? 'it refuses the token (report.token_file)' : `it answers ${response.status}`,
    );
  };

const reasonOf = (error: unknown): string =>
  messageOf((error as { readonly cause?: unknown }).cause ?? error);

export const openReporter = async (options: ReporterOptions): Promise<Reporter> => {
  const { clock, emit, to } = options;
  const queue = await openReportQueue(options.file);
  const post = createPoster(options);
  let registration: object | undefined;
  let registeredAt = -Infinity;
  let isAway = false;
  let notBefore = 0;
  let working: Promise<void> | undefined;

  const contact = async (work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      if (isAway) emit('report.back', { monitor: to });
      isAway = false;
      return true;
    } catch (error) {
      if (!isAway) emit('report.away', { monitor: to, reason: reasonOf(error) });
      isAway = true;
      notBefore = clock.monotonic() + KNOCK_EVERY_MS;
      return false;
    }
  };

  const register = async (): Promise<void> => {
    await post('register', registration ?? {});
    registeredAt = clock.monotonic();
  };

  const sendWaiting = async (): Promise<void> => {
    while (queue.length > 0) {
      const [events, { dropped }] = [queue.next(BATCH), queue];
      await post('events', { events, dropped });
      queue.done(events, dropped);
    }
  };

  const work = async (): Promise<void> => {
    if (clock.monotonic() < notBefore) return;
    const isDue = registration !== undefined && clock.monotonic() - registeredAt > REGISTER_EVERY_MS;
    if (!isDue && queue.length === 0) return;
    await contact(async () => {
      if (isDue) await register();
      await sendWaiting();
    });
    await queue.save();
  };

  const tick = (): Promise<void> =>
    (working ??= work()
      .catch(() => undefined)
      .finally(() => (working = undefined)));
  const timer = setInterval(() => void tick(), SEND_EVERY_MS);
  timer.unref();

  return {
    emit(name, fields) {
      const { level, text } = EVENTS[name];
      if (level === 'warn' || level === 'error')
        queue.add({ at: clock.now(), level, event: name, message: renderText(text, fields), fields });
      emit(name, fields);
    },
    register(roles, http) {
      const { version, startedAt } = options;
      registration = { roles, http, version, startedAt };
      void (async () => {
        for (let tries = 0; tries < TRIES && registration !== undefined; tries++) {
          if (await contact(register)) return;
          await sleep(TRY_AGAIN_MS, undefined, { ref: false });
        }
      })();
    },
    async goodbye() {
      clearInterval(timer);
      for (let tries = 0; tries < TRIES && registration !== undefined; tries++) {
        if (await contact(() => post('unregister', {}, GOODBYE_TIMEOUT_MS))) break;
        if (tries + 1 < TRIES) await sleep(TRY_AGAIN_MS / 4);
      }
      // Nothing is due any more but what waits: not where the monitor is away.
      registration = undefined;
      await tick();
    },
    close: () => queue.save(),
  };
};
