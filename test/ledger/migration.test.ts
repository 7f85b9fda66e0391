/**
 * A ledger of schema version 3, made by logd before outputs existed (commit ab34780: hours 14 and 15 sealed, 15 with late lines, 16 with
 * two of four packs), opens and goes on; its store and marker files are used as they are.
 */
import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createCommitStage } from '../../src/commit/commit-stage.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts';
import { markersKind } from '../../src/outputs/markers/markers.ts';
import { startOutputs } from '../../src/outputs/outputs.ts';
import { resume } from '../../src/seal/resume.ts';
import { createSealer } from '../../src/seal/sealer.ts';
import { openFileStore } from '../../src/stores/file/file-store.ts';
import { DEFAULT_LAYOUT } from '../../src/stores/file/layout.ts';
import { systemClock } from '../../src/telemetry/clock.ts';
import { brief } from '../commit/rig.ts';
import { cutInto, KEY, logParts } from '../commit/packs.ts';

const FIXTURE = join(import.meta.dirname, '..', 'fixtures', 'ledger-v3');
const emit = (): void => undefined;

const withCopy = async (job: (dir: string) => Promise<void>): Promise<void> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-v3-'));
  try {
    await cp(FIXTURE, dir, { recursive: true });
    await job(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};

const goOn = async (dir: string): Promise<void> => {
  await using ledger = await openSqliteLedger({ path: join(dir, 'ledger.db') });
  await using store = await openFileStore({
    ...{ dir: join(dir, 'store'), compression: 'none', layout: DEFAULT_LAYOUT },
  });
  const written = await ledger.deliveries('markers', {}, { limit: 9 });
  assert.deepEqual(
    written.map(({ hour, generation }) => [hour, generation]),
    [
      ['2026112214', 1],
      ['2026112215', 2],
    ],
  );
  await using outputs = await startOutputs({
    outputs: [
      {
        ...{ name: 'markers', unit: 'hour', start: 'beginning', parallel: 1 },
        open: (deps) => markersKind.open({ dir: join(dir, 'received') }, deps),
      },
    ],
    ...{ stateDir: dir, ledger, store, clock: systemClock, emit },
  });
  const commit = createCommitStage({
    ...{ store, ledger, clock: systemClock, emit },
    onComplete: (key) => sealer.request(key),
    onReopened: (key) => outputs.reopened(key),
  });
  await using sealer = createSealer({
    ...{ commit, store, ledger, clock: systemClock, emit },
    onSealed: () => outputs.wake(),
  });
  await resume(ledger, (key) => sealer.request(key));
  for (const pack of await cutInto(logParts(4, 3), { key: KEY })) {
    const arriving = { header: pack.header, verified: Promise.resolve(pack), release: () => undefined };
    assert.equal(brief(await commit.put(arriving)), 'ack');
  }
  await sealer.idle();
  await outputs.idle();
  assert.deepEqual(
    (await ledger.segments({})).map(({ hour, state }) => [hour, state]),
    ['14', '15', '16'].map((hour) => [`20261122${hour}`, 'sealed']),
  );
};

test('a ledger of version 3 opens, and its hours go on and are sealed', () =>
  withCopy(async (dir) => {
    const before = await readdir(join(dir, 'received'));
    await goOn(dir);
    const after = await readdir(join(dir, 'received'));
    assert.deepEqual(
      after.filter((name) => !before.includes(name)),
      ['_access_2026112216', 'web1_access_2026112216_13'],
    );
  }));

test('a command that only reads asks for a start of the node first', () =>
  withCopy(async (dir) => {
    await assert.rejects(openSqliteLedger({ path: join(dir, 'ledger.db'), readOnly: true }), {
      code: 'storage',
      message: /schema 3 .* start the node once/,
    });
  }));
