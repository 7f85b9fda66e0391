/** `logd status --check`, `logd wait` and `logd expect` as commands, beside a ledger that is in use. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts';
import { hourLabel } from '../../src/pack/hour-index.ts';
import { key, type StoredHours, storedHours } from './stored-hours.ts';

const main = join(import.meta.dirname, '../../src/cli/main.ts');
const thisHour = Math.floor(Date.now() / 3_600_000);
const [before, hour] = [hourLabel(thisHour - 2), hourLabel(thisHour - 1)];

/** web1 has both hours, web2 the first one only. */
const createHours = async (): Promise<StoredHours & { readonly config: string }> => {
  const hours = await storedHours();
  await hours.store(key('web1', before), ['a\n']);
  await hours.store(key('web1', hour), ['a\n']);
  await hours.store(key('web2', before), ['a\n']);
  const config = join(hours.dir, 'sink.yaml');
  const ledger = join(hours.dir, 'ledger.db');
  await writeFile(
    config,
    `node: sink\nstate_dir: ${hours.dir}\nsink:\n  ledger:\n    path: ${ledger}\n  store:\n    kind: file\n    dir: ${hours.dir}/stored\n`,
  );
  return { ...hours, config };
};

const start = (command: string, ...args: string[]) => {
  const child = spawn(process.execPath, [main, ...command.split(' '), ...args]);
  const ended = Promise.all([once(child, 'close'), text(child.stderr)]);
  return { child, ended: async (): Promise<number> => (await ended)[0][0] as number };
};

const logd = async (command: string, ...args: string[]) => {
  const { child, ended } = start(command, ...args);
  const out = await text(child.stdout);
  return { code: await ended(), out };
};

test('status --check says no while a host that had hours is absent, and yes once it is retired', async () => {
  await using hours = await createHours();
  const check = (...more: string[]) => logd('status --check --hour', hour, '-c', hours.config, ...more);
  const dead = await check();
  assert.match(dead.out, /\nweb2 +access +\S+ \d\d +absent /);
  assert.match(dead.out, /; 1 hour absent\n$/);
  assert.equal(dead.code, 1);
  assert.equal((await check('--expect', 'web1')).code, 0);
  assert.equal((await check('--expect', 'web1,access/web3')).code, 1);
  const retired = await logd('expect retire access web2', '-c', hours.config);
  assert.match(retired.out, /^web2 is not expected to have hours of access from /);
  assert.equal((await check()).code, 0);
  const { out } = await logd('expect list', '-c', hours.config);
  assert.match(out, /\naccess +web1 +yes +had hours [^]*\naccess +web2 +no +retired /);
  await logd('expect add access web9 --from', hour, '-c', hours.config);
  assert.equal((await check()).code, 1);
});

test('wait says who is missing, ends when all is sealed, when the time is up, and where waiting does not help', async () => {
  await using hours = await createHours();
  const args = ['--stream', 'access', '--hour', hour, '-c', hours.config];
  const late = await logd('wait --timeout 10ms', ...args);
  assert.deepEqual(
    [late.code, late.out.endsWith('is not sealed in time: web2 is absent.\n')],
    [1, true],
    late.out,
  );

  const waiting = start('wait', ...args);
  let out = '';
  for await (const part of waiting.child.stdout) {
    const before = out;
    out += String(part);
    if (before === '') await hours.store(key('web2', hour), ['a\n'], { ended: false });
    if (out.includes('web2 is open') && !before.includes('web2 is open'))
      await hours.ledger.close(key('web2', hour), 'incomplete', 'Gone.');
  }
  assert.match(
    out,
    /waited for: web2 is absent\.\n.*waited for: web2 is open\.\n.*by waiting: web2 is refused or incomplete/s,
  );
  assert.equal(await waiting.ended(), 3);

  const done = await logd('wait', '--stream', 'access', '--hour', before, '-c', hours.config);
  assert.deepEqual([done.code, done.out.endsWith('is sealed: web1 and web2.\n')], [0, true], done.out);
  assert.equal((await logd('wait --stream access --hour yesterday')).code, 2);
});

test('wait begins before the sink has its ledger, and ends with the reason where none comes', async () => {
  await using hours = await createHours();
  const path = join(hours.dir, 'later.db');
  const args = ['--stream', 'access', '--hour', hour, '--ledger', path];
  assert.equal((await logd('wait --timeout 10ms', ...args)).code, 1);
  const waiting = start('wait --expect web1', ...args);
  let out = '';
  for await (const part of waiting.child.stdout) {
    if (out === '') {
      assert.match(String(part), /^The ledger cannot be read yet/);
      await using _ = await openSqliteLedger({ path });
    }
    out += String(part);
    if (out.includes('waited for')) waiting.child.kill('SIGKILL');
  }
  await waiting.ended();
  assert.match(out, /is waited for: web1 is absent\./);
});
