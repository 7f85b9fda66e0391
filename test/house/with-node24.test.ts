/** scripts/with-node24.mjs stands between npm and everything: arguments, exit codes and signals must pass through it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

const launcher = join(import.meta.dirname, '..', '..', 'scripts', 'with-node24.mjs');

const PROBE = `
process.on('SIGTERM', () => process.exit(7));
if (process.argv[2] === 'wait') setInterval(() => {}, 1000);
console.log(JSON.stringify([Number(process.versions.node.split('.')[0]), ...process.argv.slice(2)]));
if (process.argv[2] === 'kill') process.kill(process.pid, 'SIGKILL');
else if (process.argv[2] !== 'wait') process.exitCode = 3;
`;

describe('scripts/with-node24.mjs', () => {
  let directory = '';
  let probe = '';

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'logd-launcher-'));
    probe = join(directory, 'probe.mjs');
    await writeFile(probe, PROBE);
  });

  after(() => rm(directory, { recursive: true, force: true }));

  const launch = (...args: string[]) => {
    const child = spawn(process.execPath, [launcher, probe, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const closed = once(child, 'close').then(([code]) => code as number | null);
    const firstOutput = once(child.stdout.setEncoding('utf8'), 'data').then(([text]) => String(text));
    return { child, closed, firstOutput };
  };

  it('passes arguments, and the exit code, of a Node 24 or later', async () => {
    const { closed, firstOutput } = launch('--keep', 'two words');
    const [major, ...args] = JSON.parse(await firstOutput) as [number, ...string[]];
    assert.ok(major >= 24);
    assert.deepEqual(args, ['--keep', 'two words']);
    assert.equal(await closed, 3);
  });

  it('forwards SIGTERM', async () => {
    const { child, closed, firstOutput } = launch('wait');
    await firstOutput;
    child.kill('SIGTERM');
    assert.equal(await closed, 7);
  });

  it('ends with 128 + n when the script was killed by signal n', async () => {
    assert.equal(await launch('kill').closed, 137);
  });
});
