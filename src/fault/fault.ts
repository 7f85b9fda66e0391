/**
 * Fault points: every place where a promise hangs on an order of operations has a name here.
 *
 * `LOGD_FAULT=<point>:<n>` makes the process kill itself with SIGKILL at the n-th pass of that point;
 * `LOGD_FAULT=<point>:<n>:<errno>` makes that pass, and all later ones for `<errno>+`, throw an error such as ENOSPC.
 * `LOGD_FAULT=<point>:<n>:<ms>ms` makes it take that long, and all later ones for `<ms>ms+`: a slow disk.
 * Several, separated by commas, may be given. Without the variable a pass costs one comparison.
 */
export const FAULT_POINTS = [
  // all
  'disk.sync', // before a stored file, or a directory, is fsynced
  // agent
  'cut.before-record', // bytes read and digested, nothing recorded
  'cut.after-record', // the cut is durable, nothing sent
  'marks.before-commit', // in the database thread, transaction open
  'marks.after-commit',
  'send.before-first-byte',
  'send.after-last-byte',
  'send.before-ack-record', // ack received, not yet recorded
  'send.after-ack-record',
  'hold.before-link',
  'hold.before-unlink',
  // relay
  'spool.before-write',
  'spool.before-sync', // written, not fsynced
  'spool.after-sync', // durable, not acknowledged
  // sink node
  'receive.before-verify',
  'store.before-write',
  'store.after-write',
  'sink.write', // inside the sink, before each write to the operating system
  'sink.before-sync',
  'sink.after-sync',
  'ledger.before-commit', // in the database thread, transaction open
  'ledger.after-commit',
  'store.before-ack',
  'seal.before-digest',
  'seal.before-rename', // the reordered file is durable under its temporary name
  'seal.after-rename',
  'seal.before-ledger', // the file is final, the seal not recorded
  'seal.after-ledger', // sealed, no output knows yet
  'retain.before-remove', // the ledger has noted that it begins, all is there
  'retain.after-remove', // markers and file are gone, the ledger has not noted it
  'retain.after-record',
  'retain.before-archive', // the packs of an hour are about to be forgotten
  'repair.before-stage', // a pack came again for a damaged file, nothing is kept
  'repair.after-stage', // it is durable beside the file, not acknowledged
  'repair.before-record', // the repaired file is durable under its temporary name
  'repair.before-rename', // the ledger has its places
  'repair.after-rename',
  'output.before-deliver', // an item is read, nothing is delivered
  'output.after-deliver', // the destination has it, its position is not recorded
  'output.after-position',
] as const;

export type FaultPoint = (typeof FAULT_POINTS)[number];

interface Plan {
  readonly pass: number;
  readonly errno: string | undefined;
  /** Milliseconds that the pass takes. */
  readonly delay: number | undefined;
  readonly forever: boolean;
}

const isFaultPoint = (name: string): name is FaultPoint => FAULT_POINTS.some((point) => point === name);

const parsePlans = (text: string): Map<FaultPoint, Plan> => {
  const plans = new Map<FaultPoint, Plan>();
  for (const part of text.split(',')) {
    const [point = '', pass = '1', what] = part.split(':');
    if (!isFaultPoint(point)) throw new Error(`LOGD_FAULT names an unknown fault point: ${point}`);
    const delay = /^(\d+)ms\+?$/.exec(what ?? '')?.[1];
    plans.set(point, {
      pass: Number(pass),
      errno: delay === undefined ? what?.replace('+', '') : undefined,
      delay: delay === undefined ? undefined : Number(delay),
      forever: what?.endsWith('+') ?? false,
    });
  }
  return plans;
};

const plans = process.env['LOGD_FAULT'] ? parsePlans(process.env['LOGD_FAULT']) : undefined;
const passes = new Map<FaultPoint, number>();

/** Counts a pass; kills or throws where that is planned for it. Returns how many milliseconds it is to take. */
const passed = (point: FaultPoint, plan: Plan): number => {
  const pass = (passes.get(point) ?? 0) + 1;
  passes.set(point, pass);
  const isMeant = pass === plan.pass || (plan.forever && pass > plan.pass);
  if (!isMeant) return 0;
  if (plan.delay !== undefined) return plan.delay;
  if (plan.errno === undefined) {
    process.kill(process.pid, 'SIGKILL');
    return 0;
  }
  throw Object.assign(new Error(`${plan.errno}: injected at ${point}`), { code: plan.errno });
};

/** Marks a fault point. Does nothing unless `LOGD_FAULT` names it. A delay holds the thread up. */
export const fault = (point: FaultPoint): void => {
  const plan = plans?.get(point);
  const delay = plan === undefined ? 0 : passed(point, plan);
  if (delay > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, delay);
};

/** As many calls to the system as Node makes at a time: those that take long hold up the others. */
const SYSTEM_CALLS = 4;
/** Until when each of them is busy, in milliseconds of performance.now(). */
const busyUntil: number[] = Array.from({ length: SYSTEM_CALLS }, () => 0);

/** Marks a fault point before something that a thread of the libuv pool does. A delay takes the thread that is free first. */
export const slowFault = async (point: FaultPoint): Promise<void> => {
  const plan = plans?.get(point);
  const delay = plan === undefined ? 0 : passed(point, plan);
  if (delay === 0) return;
  const now = performance.now();
  const free = busyUntil.indexOf(Math.min(...busyUntil));
  const until = Math.max(now, busyUntil[free] ?? 0) + delay;
  busyUntil[free] = until;
  await new Promise<void>((resolve) => void setTimeout(resolve, until - now));
};
