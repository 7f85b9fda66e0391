/** Hosts and streams with `_` in their names, from the wire to the markers. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { cutInto, KEY, logParts } from '../commit/packs.ts';
import { startSinkNode } from './sink-node.ts';

const keys = [
  { ...KEY, host: 'db_1', stream: 'access' },
  { ...KEY, host: 'db', stream: '1_access' },
];

for (const layout of ['', `layout: '{date}/{hour}/{host}_{stream}.log'`])
  test(
    `names with "_" are sealed, each in a file and with a marker of its own (${layout || 'default layout'})`,
    { timeout: 60_000 },
    async () => {
      await using node = await startSinkNode({ store: layout });
      for (const [n, key] of keys.entries()) {
        await node.send(await cutInto(logParts(n + 1), { key }));
        const { lines } = await node.reaches(key, 'sealed');
        assert.ok(lines > 0);
      }
      const stored = await Promise.all(keys.map((key) => node.read(key)));
      assert.ok(stored[0]!.length !== stored[1]!.length);
      assert.notEqual(node.locate(keys[0]!), node.locate(keys[1]!));
      const hasMarker = async (start: string): Promise<boolean> =>
        (await readdir(join(node.dir, 'state', 'received'))).some((name) => name.startsWith(start));
      for (const start of ['db__1_access_2026112216_', 'db_1__access_2026112216_'])
        while (!(await hasMarker(start))) await sleep(10);
    },
  );
