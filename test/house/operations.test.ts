/** The pages of docs/operations/ must say what every event means, and name none that does not exist. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { EVENTS } from '../../src/telemetry/events.ts';

const folder = join(import.meta.dirname, '..', '..', 'docs', 'operations');
const pages = readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')] as const);
const text = pages.map(([, page]) => page).join('\n');
const folders = new Set(Object.keys(EVENTS).map((name) => name.split('.')[0]));
/** Names in the pages that look like events: `store.failed`, not `ledger.db`. */
const named = new Set(
  [...text.matchAll(/`([a-z]+)\.([a-z-]+)`/g)]
    .filter(([, folder, rest]) => folders.has(folder) && !['dir', 'kind'].includes(rest ?? ''))
    .map(([, folder, rest]) => `${folder}.${rest}`),
);

describe('docs/operations/', () => {
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

  it('links only to pages that exist', () => {
    const broken = pages.flatMap(([name, page]) =>
      [...page.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)]
        .filter(([, target]) => !existsSync(join(folder, target ?? '')))
        .map(([, target]) => `${name}: ${target}`),
    );
    assert.deepEqual(broken, []);
  });

  it('has pages of at most 150 lines', () => {
    assert.deepEqual(
      pages.filter(([, page]) => page.split('\n').length > 151).map(([name]) => name),
      [],
    );
  });
});
