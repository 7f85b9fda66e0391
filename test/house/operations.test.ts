/** docs/operations.md must say what every event means, and name none that does not exist. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { EVENTS } from '../../src/telemetry/events.ts';

const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'operations.md'), 'utf8');
const folders = new Set(Object.keys(EVENTS).map((name) => name.split('.')[0]));
/** Names in the page that look like events: `store.failed`, not `ledger.db`. */
const named = new Set(
  [...text.matchAll(/`([a-z]+)\.([a-z-]+)`/g)]
    .filter(([, folder, rest]) => folders.has(folder) && !['dir', 'kind'].includes(rest ?? ''))
    .map(([, folder, rest]) => `${folder}.${rest}`),
);

describe('docs/operations.md', () => {
  it('says what every event of levels info, warn and error means', () => {
    const silent = Object.entries(EVENTS)
      .filter(([name, { level }]) => (level as string) !== 'debug' && !named.has(name))
      .map(([name]) => name);
    assert.deepEqual(silent, [], 'describe the event: what it looks like and what to do');
  });

  it('names only events that exist', () => {
    assert.deepEqual(
      [...named].filter((name) => !(name in EVENTS)),
      [],
    );
  });
});
