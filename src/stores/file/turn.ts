/** Runs one job after another, in order of asking. A job that fails does not hold up the next. */
export type InTurn = <T>(job: () => Promise<T>) => Promise<T>;

/** A queue of its own. */
export const inTurn = (): InTurn => {
  let last: Promise<unknown> = Promise.resolve();
  return (job) => {
    const mine = last.then(job, job);
    last = mine.catch(() => undefined);
    return mine;
  };
};
