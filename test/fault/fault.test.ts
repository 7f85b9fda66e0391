/** Fault points in a process of their own, since their plan is read at its start. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const FAULT = JSON.stringify(new URL('../../src/fault/fault.ts', import.meta.url).href);

/** What a module prints, with these faults. */
const run = (faults: string, body: string): string =>
  spawnSync(
    process.execPath,
    ['--input-type=module', '-e', `import { fault, slowFault } from ${FAULT}; ${body}`],
    {
      env: { ...process.env, LOGD_FAULT: faults },
      encoding: 'utf8',
    },
  ).stdout.trim();

test('a slow pass ends after those that are not slow, and holds up the one that takes its place', () => {
  const names = `const said = []; const pass = (name, point) => slowFault(point).then(() => said.push(name));`;
  const body = `${names} await Promise.all([pass('1', 'disk.sync'), pass('2', 'disk.sync'), pass('3', 'disk.sync'), pass('4', 'hold.before-link')]);
    console.log(said.join());`;
  assert.equal(run('disk.sync:2:40ms', body), '1,3,4,2');
  assert.equal(run('disk.sync:2:40ms+', body), '1,4,2,3');
});

test('of slow passes four run at a time, as calls to the system do', () => {
  const body = `let now = performance.now(); const took = await Promise.all(Array.from({ length: 8 }, () => slowFault('disk.sync').then(() => performance.now() - now)));
    console.log(took.filter((ms) => ms >= 55).length);`;
  assert.equal(run('disk.sync:1:30ms+', body), '4');
});

test('a slow pass of the other kind holds up its thread', () => {
  const body = `let said = ''; setTimeout(() => (said += 'timer'), 1); fault('ledger.before-commit'); said += 'pass '; setTimeout(() => console.log(said), 5);`;
  assert.equal(run('ledger.before-commit:1:30ms', body), 'pass timer');
});

test('an errno is thrown at its pass, and at all later ones where that is asked for', () => {
  const body = `const said = []; for (let n = 0; n < 3; n++) try { fault('sink.write'); said.push('ok'); } catch (error) { said.push(error.code); } console.log(said.join());`;
  assert.equal(run('sink.write:2:ENOSPC', body), 'ok,ENOSPC,ok');
  assert.equal(run('sink.write:2:EIO+', body), 'ok,EIO,EIO');
});
