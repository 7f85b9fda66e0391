/** `logd tap` sees lines as they pass a running agent, a running relay or sink; what is shipped is the same with and without it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../roles/free-port.ts';
import { assertSealedEqual } from './compare.ts';
import { linesOf } from './lines.ts';
import { onRig } from './rig.ts';

/** The n-th hour of a month: each has a file of its own, so that none gets late lines. */
const hourOf = (n: number): string =>
  `202611${String(1 + Math.floor(n / 24)).padStart(2, '0')}${String(n % 24).padStart(2, '0')}`;
const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');

test('lines that pass are shown while they are shipped', (t) =>
  onRig(t, async (rig) => {
    const port = await freePort();
    const sink = {
      ...{ listen: `127.0.0.1:${rig.port}`, ledger: { path: rig.path('ledger.db') } },
      ...{ markers: { dir: rig.path('received') }, store: { kind: 'file', dir: rig.path('stored') } },
    };
    await rig.configure('sink', { http: { listen: `127.0.0.1:${port}` }, sink });
    await rig.configureAgent({ host: 'web1', streams: ['access'] });
    await rig.start('sink');
    const flags = [
      '--node',
      `http://127.0.0.1:${port}`,
      '--host',
      'web1',
      '--grep',
      '^a [0-9]*7 ',
      '--lines',
      '3',
    ];
    const tap = spawn(process.execPath, [MAIN, 'tap', 'access', ...flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [shown, said] = ['', ''];
    tap.stdout.on('data', (chunk: Buffer) => (shown += chunk.toString()));
    tap.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const ended = once(tap, 'close');
    await rig.start('web1');
    for (let n = 0; tap.exitCode === null; n++) {
      await rig.sources.write('web1', 'access', hourOf(n), linesOf('a', 100 * n, 100));
      await sleep(50);
    }
    await ended;
    assert.equal(tap.exitCode, 0, said);
    assert.equal(shown.split('\n').length - 1, 3, shown);
    assert.match(said, /3 lines shown, \d+ looked at, \d+ not looked at/);
    await rig.sealed();
    await assertSealedEqual(rig);
  }));
