/** The state of a role, from what happened to it. */
import { messageOf } from '../error.ts';
import type { RunState } from './status.ts';

export interface Lifecycle {
  /** It was asked to stop. */
  stopping(): void;
  /** `degraded` is why it needs a look, in one sentence, undefined where it does not. */
  read(degraded?: string): { readonly state: RunState; readonly reason?: string };
}

/** Runs from now on; `failed` resolves with the reason why it cannot go on. */
export const createLifecycle = (failed: Promise<Error>): Lifecycle => {
  let isStopping = false;
  let failure: string | undefined;
  void failed.then((error) => {
    // A role that is stopping closes what it stands on: that is no failure.
    if (!isStopping) failure = messageOf(error);
  });
  return {
    stopping: () => void (isStopping = true),
    read(degraded) {
      if (failure !== undefined) return { state: 'failed', reason: failure };
      if (isStopping) return { state: 'stopping' };
      return degraded === undefined ? { state: 'running' } : { state: 'degraded', reason: degraded };
    },
  };
};
