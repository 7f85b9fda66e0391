/** Everything of a sink node that seals, over a store and a ledger in memory; marker files are real. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { SegmentKey, VerifiedPack } from '../../src/pack/pack.ts';
import { type MarkerFiles, openMarkerFiles } from '../../src/outputs/markers/marker-files.ts';
import { openMarkers } from '../../src/outputs/markers/markers.ts';
import { type Outputs, startOutputs } from '../../src/outputs/outputs.ts';
import { startLookOver } from '../../src/seal/look-over.ts';
import { resume } from '../../src/seal/resume.ts';
import { createSealer, type Sealer } from '../../src/seal/sealer.ts';
import { createCommitStage, type CommitStage } from '../../src/commit/commit-stage.ts';
import type { Clock } from '../../src/telemetry/clock.ts';
import { brief, type Seen, commitRig, type CommitRig } from '../commit/rig.ts';

export interface SealRig extends AsyncDisposable {
  readonly ledger: CommitRig['ledger'];
  readonly store: CommitRig['store'];
  readonly events: Seen[];
  /** Each call on marker files may be made to fail. */
  markerFails: (call: keyof MarkerFiles) => boolean;
  commit: CommitStage;
  sealer: Sealer;
  outputs: Outputs;
  /** Forgets what is in memory, as a crash does, and starts again. */
  restart(): Promise<void>;
  /** Stores packs; resolves when all of them are answered and what could be sealed is. */
  put(...packs: readonly VerifiedPack[]): Promise<string[]>;
  /** Of all events, by name. */
  said(name: Seen['name']): Seen['fields'][];
  markerFiles(): Promise<string[]>;
  /** Those of all hosts. */
  streamMarkers(): Promise<string[]>;
  /** Where they are. */
  readonly dir: string;
  state(key: SegmentKey): Promise<string | undefined>;
}

export const CLOCK: Clock = { now: () => 1_795_400_000_000, monotonic: () => 0 };

export const sealRig = async (): Promise<SealRig> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-seal-'));
  const { store, ledger, events } = commitRig();
  const emit = (name: Seen['name'], fields: Seen['fields']): void => void events.push({ name, fields });
  const real = await openMarkerFiles(dir);
  const failing = async (call: keyof MarkerFiles, job: () => Promise<void>): Promise<void> => {
    if (rig.markerFails(call)) throw new Error('The directory is away.');
    await job();
  };
  const files: MarkerFiles = {
    sealed: (seal, dayComplete) => failing('sealed', () => real.sealed(seal, dayComplete)),
    keepOnly: (isBacked) => real.keepOnly(isBacked),
    expired: (key, lines) => real.expired(key, lines),
    reopened: (key) => failing('reopened', () => real.reopened(key)),
    stream: (hour, isWhole) => failing('stream', () => real.stream(hour, isWhole)),
  };
  const start = async (): Promise<Pick<SealRig, 'commit' | 'sealer' | 'outputs'>> => {
    const outputs = await startOutputs({
      outputs: [
        {
          ...{ name: 'markers', unit: 'hour', start: 'beginning', parallel: 4 },
          open: (deps) => openMarkers(files, deps, { within: 7 * 86_400_000 }),
        },
      ],
      ...{ stateDir: join(dir, '..', `${basename(dir)}-state`), ledger, store, clock: CLOCK, emit },
    });
    const commit = createCommitStage({
      ...{ store, ledger, clock: CLOCK, emit },
      onComplete: (key) => sealer.request(key),
      onRecorded: () => outputs.wake(),
      onReopened: (key) => outputs.reopened(key),
    });
    const sealer = createSealer({
      commit,
      store,
      ledger,
      clock: CLOCK,
      emit,
      onSealed: () => outputs.wake(),
    });
    return { commit, sealer, outputs };
  };
  const rig: SealRig = {
    ...{ dir, ledger, store, events, markerFails: () => false },
    ...(await start()),
    async restart() {
      await rig.sealer[Symbol.asyncDispose]();
      await rig.outputs[Symbol.asyncDispose]();
      Object.assign(rig, await start());
      await resume(ledger, (key) => rig.sealer.request(key));
      await startLookOver({ store, ledger, commit: rig.commit, emit }).done;
      await rig.sealer.idle();
      await rig.outputs.idle();
    },
    async put(...packs) {
      const answers = await Promise.all(
        packs.map((pack) =>
          rig.commit.put({ header: pack.header, verified: Promise.resolve(pack), release: () => undefined }),
        ),
      );
      await rig.sealer.idle();
      await rig.outputs.idle();
      return answers.map(brief);
    },
    said: (wanted) => events.filter(({ name }) => name === wanted).map(({ fields }) => fields),
    markerFiles: async () => (await readdir(dir)).filter((name) => !name.startsWith('_')).toSorted(),
    streamMarkers: async () => (await readdir(dir)).filter((name) => name.startsWith('_')).toSorted(),
    state: async (key) => (await ledger.segment(key))?.state,
    async [Symbol.asyncDispose]() {
      await rig.sealer[Symbol.asyncDispose]();
      await rig.outputs[Symbol.asyncDispose]();
      await rm(`${dir}-state`, { recursive: true, force: true });
      await rm(dir, { recursive: true, force: true });
    },
  };
  return rig;
};
