import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';
import { lineWriter } from '../../src/telemetry/lines.ts';

/** A descriptor with room for so many bytes; beyond that it fails with `code`. */
const descriptor = () => {
  const state = { room: Infinity, code: 'ENOSPC', out: '' };
  const writer = lineWriter({
    write(bytes) {
      if (state.room === 0) throw Object.assign(new Error(`${state.code}: write`), { code: state.code });
      const taken = Math.min(bytes.length, state.room);
      state.room -= taken;
      state.out += Buffer.from(bytes.subarray(0, taken)).toString();
      return taken;
    },
    lost: (lines, reason) => `lost ${lines}: ${reason}\n`,
  });
  return { state, writer };
};

describe('lines that cannot be written', () => {
  it('are dropped and counted, and the first line afterwards says how many', () => {
    const { state, writer } = descriptor();
    writer.write('1\n');
    state.room = 0;
    for (const line of ['2\n', '3\n', '4\n']) writer.write(line);
    state.room = Infinity;
    writer.write('5\n');
    writer.write('6\n');
    assert.equal(state.out, '1\nlost 3: ENOSPC: write\n5\n6\n');
  });

  it('are told of without a further line, too', (test: TestContext) => {
    test.mock.timers.enable({ apis: ['setTimeout'] });
    const { state, writer } = descriptor();
    state.room = 0;
    writer.write('1\n');
    test.mock.timers.tick(1000);
    state.room = Infinity;
    test.mock.timers.tick(1000);
    assert.equal(state.out, 'lost 1: ENOSPC: write\n');
  });

  it('are still counted where the line that tells of them cannot be written', () => {
    const { state, writer } = descriptor();
    state.room = 0;
    writer.write('1\n');
    writer.write('2\n');
    state.room = 5;
    writer.write('3\n');
    assert.equal(state.out, 'lost ');
    writer.write('4\n');
    state.room = Infinity;
    writer.write('5\n');
    assert.equal(state.out, 'lost 2: ENOSPC: write\nlost 2: ENOSPC: write\n5\n');
  });

  it('leave no half line for the next one to continue', () => {
    const { state, writer } = descriptor();
    state.room = 3;
    writer.write('first\n');
    writer.write('second\n');
    assert.equal(state.out, 'fir');
    state.room = Infinity;
    writer.write('third\n');
    assert.equal(state.out, 'first\nlost 1: ENOSPC: write\nthird\n');
  });
});

describe('while the reader is slow', () => {
  it('lines wait, in order, and none is lost', () => {
    const { state, writer } = descriptor();
    Object.assign(state, { room: 3, code: 'EAGAIN' });
    for (let line = 1; line <= 5; line++) writer.write(`${line}\n`);
    assert.equal(state.out, '1\n2');
    state.room = Infinity;
    writer.close();
    assert.equal(state.out, '1\n2\n3\n4\n5\n');
  });

  it('at most 1 MiB waits; what comes then is lost, in one stretch', () => {
    const { state, writer } = descriptor();
    Object.assign(state, { room: 0, code: 'EAGAIN' });
    const line = `${'x'.repeat(1023)}\n`;
    for (let index = 0; index < 3000; index++) writer.write(line);
    state.room = line.length;
    writer.write(line);
    state.room = Infinity;
    writer.write('end\n');
    assert.equal(
      state.out,
      `${line.repeat(1024)}lost ${3000 - 1024 + 1}: whoever reads the log is too slow\nend\n`,
    );
  });
});

it('a log that nobody reads does not stop the process nor fill its memory', { timeout: 30_000 }, async () => {
  const source = `
    import { createLog } from ${JSON.stringify(join(import.meta.dirname, '../../src/telemetry/log.ts'))};
    const emit = createLog({ level: 'error', format: process.argv[1], clock: { now: () => 0, monotonic: () => 0 } });
    for (let id = 0; id < 50_000; id++) emit('node.failed', { reason: id + 'x'.repeat(2000) });
    console.log(process.memoryUsage().arrayBuffers);
    process.stdin.on('data', () => process.exit());`;
  for (const format of ['json', 'text']) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', source, format], { stdio: 'pipe' });
    const [bytes] = (await once(child.stdout, 'data')) as [Buffer];
    assert.ok(Number(bytes.toString()) < 50e6, `${bytes.toString()} bytes wait`);
    let lines = 0;
    for await (const line of createInterface(child.stderr)) {
      lines++;
      if (/\d+ log lines could not be written: whoever reads the log is too slow/.test(line))
        child.stdin.end('go');
    }
    assert.ok(lines > 200, `${lines} lines: what had room waited`);
    assert.ok(child.stdin.writableEnded, 'the rest is told of');
  }
});
