/** Everything of a sink node that seals, over a sink and a ledger in memory; marker files are real. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SegmentKey, VerifiedPack } from '../../src/pack/pack.ts';
import { type Markers, openMarkers } from '../../src/seal/markers.ts';
import { resume } from '../../src/seal/resume.ts';
import { createSealer, type Sealer } from '../../src/seal/sealer.ts';
import { createCommitStage, type CommitStage } from '../../src/commit/commit-stage.ts';
import type { Clock } from '../../src/telemetry/clock.ts';
import { brief, type Seen, storeRig, type StoreRig } from '../commit/rig.ts';

export interface SealRig extends AsyncDisposable {
  readonly ledger: StoreRig['ledger'];
  readonly sink: StoreRig['sink'];
  readonly events: Seen[];
  /** Each call may be made to fail: see `markerFails`. */
  readonly markers: Markers;
  markerFails: (call: keyof Markers) => boolean;
  store: CommitStage;
  sealer: Sealer;
  /** Forgets what is in memory, as a crash does, and starts again. */
  restart(): Promise<void>;
  /** Stores packs; resolves when all of them are answered and what could be sealed is. */
  put(...packs: readonly VerifiedPack[]): Promise<string[]>;
  /** Of all events, by name. */
  said(name: Seen['name']): Seen['fields'][];
  markerFiles(): Promise<string[]>;
  /** Where they are. */
  readonly dir: string;
  state(key: SegmentKey): Promise<string | undefined>;
}

export const CLOCK: Clock = { now: () => 1_795_400_000_000, monotonic: () => 0 };

export const sealRig = async (): Promise<SealRig> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-seal-'));
  const { sink, ledger, events } = storeRig();
  const emit = (name: Seen['name'], fields: Seen['fields']): void => void events.push({ name, fields });
  const real = await openMarkers(dir);
  const failing = async (call: keyof Markers, job: () => Promise<void>): Promise<void> => {
    if (rig.markerFails(call)) throw new Error('The directory is away.');
    await job();
  };
  const markers: Markers = {
    sealed: (seal, dayComplete) => failing('sealed', () => real.sealed(seal, dayComplete)),
    keepOnly: (isBacked) => real.keepOnly(isBacked),
    reopened: (key) => failing('reopened', () => real.reopened(key)),
  };
  const start = (): Pick<SealRig, 'store' | 'sealer'> => {
    const store = createCommitStage({
      ...{ sink, ledger, clock: CLOCK, emit },
      onComplete: (key) => sealer.request(key),
      onReopened: (key) => markers.reopened(key),
    });
    const sealer = createSealer({ store, sink, ledger, markers, clock: CLOCK, emit });
    return { store, sealer };
  };
  const rig: SealRig = {
    ...{ dir, ledger, sink, events, markers, markerFails: () => false },
    ...start(),
    async restart() {
      await rig.sealer[Symbol.asyncDispose]();
      Object.assign(rig, start());
      await resume({ sink, ledger, markers, emit, requestSeal: (key) => rig.sealer.request(key) });
      await rig.sealer.idle();
    },
    async put(...packs) {
      const answers = await Promise.all(
        packs.map((pack) =>
          rig.store.put({ header: pack.header, verified: Promise.resolve(pack), release: () => undefined }),
        ),
      );
      await rig.sealer.idle();
      return answers.map(brief);
    },
    said: (wanted) => events.filter(({ name }) => name === wanted).map(({ fields }) => fields),
    markerFiles: async () => (await readdir(dir)).toSorted(),
    state: async (key) => (await ledger.segment(key))?.state,
    async [Symbol.asyncDispose]() {
      await rig.sealer[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
  return rig;
};
