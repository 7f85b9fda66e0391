/** What the demo's scenes share: the latest view of the work, waiting for something to become true, and the way out. */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../error.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { openSqliteLedger } from '../ledger/sqlite/sqlite-ledger.ts';
import type { Cast } from './cast.ts';
import { observe, type View } from './observe.ts';
import { demoPaths, type DemoPlan } from './plan.ts';
import type { Screen } from './screen.ts';

const LOOK_EVERY_MS = 200;
const POLL_MS = 40;

export interface Stage extends AsyncDisposable {
  /** As of the last look. */
  readonly view: View;
  /** Why the last look failed; the ledger may be away while the sink is down. */
  readonly blind: string | undefined;
  /** Resolves when `condition` holds, asked after every look; rejects when the demo is to end. */
  until(condition: (view: View) => boolean): Promise<void>;
  /** Waits, unless the demo is to end: rejects then. */
  pause(ms: number): Promise<void>;
}

/** Looks at sources and ledger several times a second and draws what it sees, until it is disposed. */
export const openStage = async (
  plan: DemoPlan,
  cast: Cast,
  screen: Screen,
  stop: AbortSignal,
): Promise<Stage> => {
  const closing = new AbortController();
  let ledger: Ledger | undefined;
  let blind: string | undefined;
  let view = await observe(plan, undefined);

  const look = async (): Promise<void> => {
    try {
      ledger ??= await openSqliteLedger({ path: demoPaths(plan.dir).ledger, readOnly: true });
      view = await observe(plan, ledger);
      blind = undefined;
    } catch (error) {
      blind = messageOf(error);
      const lost = ledger;
      ledger = undefined;
      await Promise.resolve(lost?.[Symbol.asyncDispose]()).catch(() => undefined);
    }
    screen.draw(view, cast.nodes());
  };
  const looking = (async () => {
    while (!closing.signal.aborted) {
      await look();
      await sleep(LOOK_EVERY_MS, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  })();
  const pause = (ms: number): Promise<void> => sleep(ms, undefined, { signal: stop });

  return {
    get view() {
      return view;
    },
    get blind() {
      return blind;
    },
    pause,
    async until(condition) {
      while (!condition(view)) await pause(POLL_MS);
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      await looking;
      await ledger?.[Symbol.asyncDispose]();
      screen.clear();
    },
  };
};
