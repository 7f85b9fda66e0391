import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { it } from 'node:test';
import { openShipped } from '../../src/audit/shipped.ts';
import type { AgentSource } from '../../src/audit/sources.ts';
import { openMarks } from '../../src/marks/marks.ts';
import { EMPTY_SHA256 } from '../../src/pack/digest.ts';

const HOURS = ['2026112215', '2026112216'] as const;

it('reads the hour that is asked for, and no other of its stream', async (context) => {
  const stateDir = await mkdtemp(join(tmpdir(), 'logd-shipped-'));
  context.after(() => rm(stateDir, { recursive: true, force: true }));
  const marks = await openMarks(stateDir, 'web1');
  for (const hour of HOURS) {
    const segment = await marks.write('addSegment', 'access', hour, EMPTY_SHA256);
    const file = {
      path: `/log/${hour}`,
      dev: '1',
      ino: hour,
      fingerprint: '0:',
      position: 0,
      stop: undefined,
    };
    await marks.write('addSource', segment, file);
  }
  await marks[Symbol.asyncDispose]();
  // Reading this row throws: 2^53 + 1 is no safe integer.
  using db = new DatabaseSync(join(stateDir, 'marks.db'));
  db.exec(`UPDATE segments SET packs = 9007199254740993 WHERE hour = '${HOURS[0]}'`);

  await using shipped = openShipped({ segments: () => Promise.resolve([]) });
  const source: AgentSource = { paths: [], shared: false, mayBeSeveral: false, start: 'beginning', stateDir };
  const as = (hour: string) => shipped.as({ host: 'web1', stream: 'access', hour }, source);
  assert.deepEqual(await as(HOURS[1]), {
    files: [{ path: `/log/${HOURS[1]}`, began: 0, ended: 0 }],
    pieces: [],
  });
  assert.equal(await as(HOURS[0]), undefined);
});
