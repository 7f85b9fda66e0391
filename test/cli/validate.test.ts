/** What `logd validate` says beyond the text of the file: about token files, as `logd run` would. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { checkTokenFiles } from '../../src/cli/validate.ts';
import { formatFault, parseConfig } from '../../src/config/load.ts';
import { LogdError } from '../../src/error.ts';
import { logdOptions } from '../../src/roles/options.ts';

const dir = mkdtempSync(join(tmpdir(), 'logd-validate-'));
after(() => rmSync(dir, { recursive: true }));
const main = join(import.meta.dirname, '../../src/cli/main.ts');
const token = join(dir, 'token');
writeFileSync(token, `${'a'.repeat(64)}\n`);

const logd = (
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): { readonly code: number | null; readonly out: string; readonly err: string } => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    cwd: dir,
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  return { code: status, out: stdout, err: stderr };
};

/** Both roles; the token file of the agent stands in line 4, that of the sink in line 7. */
const configure = (agent: string, sink: string, more = ''): string => `node: web1
agent:
  send_to: 127.0.0.1:7667
  token_file: ${agent}
  streams: { access: { path: '/l/a.<%Y%m%d%H>' } }
sink:
  token_file: ${sink}
  store: { kind: file, dir: ${join(dir, 'store')} }
${more}`;

describe('logd validate reads the token files', () => {
  it('and is content with usable ones', () => {
    writeFileSync(join(dir, 'good.yaml'), configure(token, token));
    const { code, out, err } = logd(['validate', 'good.yaml']);
    assert.equal(code, 0);
    // Nothing but that the stream has no file here, and what is there instead.
    assert.match(err, /^warning: agent.streams.\S+.path: [^\n]* matches no file\. [^\n]*\n\s*(?:[^\n]*\n)?$/);
    assert.match(out, /^ok good.yaml/);
  });

  it('tells what run would say, with line and column, beside all other faults', () => {
    writeFileSync(join(dir, 'empty'), '');
    for (const more of ['', 'nod: x\n']) {
      writeFileSync(join(dir, 'bad.yaml'), configure('empty', join(dir, 'none'), more));
      const { code, out, err } = logd(['validate', 'bad.yaml']);
      assert.deepEqual([code, out], [2, '']);
      const [first = '', second = '', ...rest] = err.split('\n');
      assert.match(
        first,
        /^bad.yaml:4:15: agent.token_file: The token file \/.*\/empty must hold one line of 16/,
      );
      assert.match(second, /^bad.yaml:7:15: sink.token_file: Cannot read the token file .*\/none: ENOENT/);
      if (more !== '') assert.match(rest.shift() ?? '', /^bad.yaml:9:1: nod: Unknown key/);
      assert.equal(rest[0], `logd: ${more === '' ? 2 : 3} faults in bad.yaml.`);
    }
    writeFileSync(join(dir, 'bad.yaml'), configure(token, 'empty'));
    const [said = ''] = /The token file .*/.exec(logd(['validate', 'bad.yaml']).err) ?? [];
    const run = logd(['run', '-c', 'bad.yaml']);
    assert.equal(run.code, 2);
    assert.ok(said !== '' && run.err.includes(said), run.err);
  });

  it('also where the environment names them', () => {
    writeFileSync(join(dir, 'good.yaml'), configure(token, token));
    const { code, err } = logd(['validate', 'good.yaml'], { LOGD_SINK_TOKEN_FILE: 'none' });
    assert.equal(code, 2);
    assert.match(err, /environment variable LOGD_SINK_TOKEN_FILE: sink.token_file: Cannot read/);
  });

  it('and only warns of one that this user may not read: the node may run as another', async () => {
    const { given } = parseConfig(configure('/t/agent', '/t/sink'), logdOptions, {});
    const read = (path: string): Promise<never> => {
      const errno = path === '/t/sink' ? 'EACCES' : 'EISDIR';
      const cause = Object.assign(new Error(errno), { code: errno });
      return Promise.reject(new LogdError('config', `Cannot read ${path}: ${errno}.`, { cause }));
    };
    const { faults, warnings } = await checkTokenFiles(given, read);
    const told = (all: typeof faults): string[] => all.map((fault) => formatFault('f', fault));
    assert.deepEqual(told(faults), ['f:4:15: agent.token_file: Cannot read /t/agent: EISDIR.']);
    assert.deepEqual(told(warnings), [
      'f:7:15: sink.token_file: Cannot read /t/sink: EACCES. The user that the node runs as must be able to.',
    ]);
  });
});
