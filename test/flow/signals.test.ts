/** What signals do to a node: SIGUSR1 opens no debugger, SIGHUP reads the token again, SIGTERM to `npm run logd` reaches the node. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { notTested } from '../house/needs.ts';
import { flow } from './rig.ts';

const ROOT = join(import.meta.dirname, '..', '..');

const isOpen = async (port: number): Promise<boolean> => {
  const socket = createConnection(port, '127.0.0.1');
  const open = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return open;
};

flow('signals: SIGUSR1 opens no debugger, and SIGHUP reads the token files again', async (rig) => {
  const token = rig.path('token');
  await writeFile(token, 'a-token-of-the-right-length\n');
  await rig.configureSink({}, { token_file: token });
  const wasOpen = await isOpen(9229);
  const sink = await rig.start('sink');
  process.kill(sink.pid, 'SIGUSR1');
  process.kill(sink.pid, 'SIGHUP');
  assert.equal((await sink.event('node.reloaded')).files, 1);
  assert.equal(await isOpen(9229), wasOpen);
  assert.doesNotMatch(sink.tail(), /Debugger/);
  await writeFile(token, 'short\n');
  process.kill(sink.pid, 'SIGHUP');
  assert.match(String((await sink.event('node.token-kept')).reason), /must hold one line/);
  assert.deepEqual(await sink.end('SIGTERM'), { code: 0, signal: null });
});

flow('signals: SIGTERM to `npm run logd` stops the node in order', async (rig, test) => {
  if (spawnSync('npm', ['--version']).status !== 0) return notTested(test, 'npm');
  const config = await rig.configureSink();
  const npm = spawn('npm', ['run', 'logd', '--', 'run', '-c', config], {
    ...{ cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] },
  });
  let log = '';
  npm.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  await rig.until('the node has started', () => log.includes('node.started'));
  npm.kill('SIGTERM');
  await rig.until('the node has stopped', () => log.includes('"node.stopped"'));
  if (npm.exitCode === null && npm.signalCode === null) await once(npm, 'exit');
});
