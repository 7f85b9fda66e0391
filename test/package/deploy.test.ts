/** Holds deploy/ to what it says: systemd takes the units, logd takes the configurations, and the timeouts fit. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { notTested } from '../house/needs.ts';

const root = join(import.meta.dirname, '..', '..');
const ROLES = ['agent', 'sink', 'monitor'] as const;

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;

/** What `systemd-analyze verify` complains about; it exits with 0 for an unknown option. */
const complaints = async (unit: string): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'logd-units-'));
  try {
    const path = join(directory, 'logd-test.service');
    // The installed program is not here, and verify wants it to exist.
    await writeFile(path, unit.replace(/^ExecStart=.*$/m, 'ExecStart=/bin/true'));
    const { stderr, status } = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' });
    return status === 0 ? stderr.replaceAll(path, '') : `exit ${status}: ${stderr}`;
  } finally {
    await rm(directory, { recursive: true });
  }
};

/** Validates a configuration with a token file that is there. */
const validate = async (
  config: string,
): Promise<{ readonly status: number | null; readonly said: string }> => {
  const main = join(root, 'src', 'cli', 'main.ts');
  const directory = await mkdtemp(join(tmpdir(), 'logd-deploy-'));
  try {
    const [file, token] = [join(directory, 'logd.yaml'), join(directory, 'token')];
    await writeFile(token, 'a-token-of-the-right-length');
    assert.ok(config.includes('/etc/logd/token'));
    await writeFile(file, config.replaceAll('/etc/logd/token', token));
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'validate', '-c', file], {
      encoding: 'utf8',
    });
    return { status, said: stdout + stderr };
  } finally {
    await rm(directory, { recursive: true });
  }
};

const readDeploy = (name: string): Promise<string> => readFile(join(root, 'deploy', name), 'utf8');

for (const role of ROLES)
  describe(`logd-${role}.service`, () => {
    it('is taken by systemd without complaint', async (test) => {
      if (!hasSystemd) return notTested(test, 'systemd-analyze');
      const unit = await readDeploy(`logd-${role}.service`);
      assert.match(await complaints(unit.replace('Restart=always', 'Restart=allways')), /allways|Restart/);
      assert.equal(await complaints(unit), '');
    });

    it(`has a configuration that logd takes`, async () => {
      const { status, said } = await validate(await readDeploy(`${role}.yaml`));
      assert.equal(status, 0, said);
    });

    it('gives a stop more time than the configuration does', async () => {
      const seconds = (text: string | undefined): number => Number(/^(\d+)s$/.exec(text ?? '')?.[1]);
      const unit = await readDeploy(`logd-${role}.service`);
      const config = parse(await readDeploy(`${role}.yaml`)) as { shutdown_timeout: string };
      const [, timeout] = /^TimeoutStopSec=(.*)$/m.exec(unit) ?? [];
      assert.ok(
        seconds(timeout) > seconds(config.shutdown_timeout),
        `${timeout} > ${config.shutdown_timeout}`,
      );
    });
  });

it('README.md shows configurations that logd takes', async () => {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/<<'EOF'\n(.*?)^EOF$/gms)].map(([, block]) => block ?? '');
  assert.equal(blocks.length, 2, 'an agent and a sink');
  for (const block of blocks) {
    const { status, said } = await validate(block);
    assert.equal(status, 0, `${block}\n${said}`);
  }
});
