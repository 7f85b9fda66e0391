/** A machine for what documents tell root to do: this one, with directories and a loopback of its own. */
import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { notTested } from '../house/needs.ts';

export const root = join(import.meta.dirname, '..', '..');

/** Code of the documents of so many languages: ```sh, ```yaml … */
export const blocksOf = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, block]) => block ?? '');

/** The text below a heading of the second level. */
export const sectionOf = (text: string, heading: string): string =>
  text.split(/^## /m).find((section) => section.startsWith(`${heading}\n`)) ?? '';

export const readDocument = (name: string): Promise<string> => readFile(join(root, name), 'utf8');

export interface Machine extends AsyncDisposable {
  /** Where files may be put: the same path inside. */
  readonly dir: string;
  readonly env: NodeJS.ProcessEnv;
  /** Runs a script as root of the machine; all that it starts ends with it. */
  run(script: string): { readonly status: number | null; readonly said: string };
}

/** Directories that are the machine's own. What is in them here is not seen there, and stays as it is. */
const OWN = ['/run', '/srv', '/var/lib', '/var/log'];

/** Undefined, with the test ended, where one cannot be made. */
export const openMachine = async (test: TestContext): Promise<Machine | undefined> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-machine-'));
  const begin = [
    'set -e',
    ...OWN.map((path) => `mount -t tmpfs tmpfs ${path}`),
    `cp -a /etc ${dir}/etc && mount --bind ${dir}/etc /etc`,
    'ip link set lo up',
    `cd ${dir}`,
    '',
  ].join('\n');
  const enter = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc', 'bash', '-c'];
  const env = {
    ...process.env,
    PATH: `${join(dir, 'prefix', 'bin')}:${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
    NPM_CONFIG_PREFIX: join(dir, 'prefix'),
  };
  const run: Machine['run'] = (script) => {
    const { status, stdout, stderr } = spawnSync('unshare', [...enter, begin + script], {
      ...{ env, encoding: 'utf8', timeout: 240_000, killSignal: 'SIGKILL' },
    });
    spawnSync('rm', ['-rf', join(dir, 'etc')]);
    return { status, said: `${stdout}${stderr}` };
  };
  if (run('true').status !== 0) {
    await rm(dir, { recursive: true });
    notTested(test, 'unshare, ip and the right to use them: run the tests as root');
    return undefined;
  }
  return {
    ...{ dir, env, run },
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
};

/** A clone of the repository as it stands, which may be written to; its packages are those of the repository. */
export const cloneInto = async (dir: string): Promise<void> => {
  await mkdir(dir);
  for (const name of await readdir(root))
    if (!['node_modules', '.git', 'dist'].includes(name) && !name.endsWith('.tgz'))
      await cp(join(root, name), join(dir, name), { recursive: true });
  await symlink(join(root, 'node_modules'), join(dir, 'node_modules'));
};

/** A program of the machine: a shell script, which by default says that it was run. */
export const addProgram = async (
  machine: Machine,
  name: string,
  script = `echo "${name} runs"`,
): Promise<void> => {
  const bin = join(machine.dir, 'prefix', 'bin');
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
};
