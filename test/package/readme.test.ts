/** The README's set-up and questions, run as they stand, on a machine of their own. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { it } from 'node:test';
import { parse } from 'yaml';
import { addProgram, blocksOf, cloneInto, openMachine, readDocument, sectionOf } from './machine.ts';

const HOUR = '2026112216';

/** Puts what `npm install` needs into npm's cache, because the machine has no network. */
const primeCache = (clone: string, prefix: string, env: NodeJS.ProcessEnv): void => {
  for (const args of [
    ['pack', '--silent'],
    ['install', '--global', '--prefix', prefix, '--prefer-offline', './logd-0.1.0.tgz'],
  ]) {
    const { status, stdout, stderr } = spawnSync('npm', args, { cwd: clone, env, encoding: 'utf8' });
    assert.equal(status, 0, `npm ${args.join(' ')}\n${stdout}${stderr}`);
  }
};

it(
  'what the README says, from top to bottom, sets logd up, and each of its answers comes',
  { timeout: 300_000 },
  async (test) => {
    await using machine = await openMachine(test);
    if (machine === undefined) return;
    const readme = await readDocument('README.md');
    const setUp = blocksOf(sectionOf(readme, 'Set it up'), 'sh');
    const section = sectionOf(readme, 'Ask it');
    const ask = [
      ...section.matchAll(/^On the sink, after `(.*?)`/gm),
      ...section.matchAll(/^\|.*?\| `(logd .*?)`/gm),
    ].map(([, command]) => command ?? '');
    assert.ok(setUp.length >= 4 && ask.length >= 7, 'the README is read');
    const loops = blocksOf(await readDocument('docs/first-hour.md'), 'sh');
    assert.ok(loops.join('').split('start-the-job').length > 3);

    const clone = join(machine.dir, 'clone');
    await cloneInto(clone);
    primeCache(clone, join(machine.dir, 'primed'), machine.env);
    await addProgram(machine, 'start-the-job');
    const { status, said } = machine.run(`
cd clone
export NPM_CONFIG_OFFLINE=true NPM_CONFIG_AUDIT=false NPM_CONFIG_FUND=false
exec 2>&1
${setUp.join('\n')}
printf 'one\\ntwo\\n' > /var/log/nginx/access.log.${HOUR}
echo "=== asked"
cd /
logd wait -c /etc/logd/sink.yaml --stream access --hour ${HOUR} --timeout 1m
${ask.map((command) => `echo '$ ${command}'; ${command}`).join('\n')}
${loops.join('\n')}
echo "=== done"
`);
    assert.equal(status, 0, said);
    const [, asked = ''] = said.split('=== asked\n');
    assert.match(said, /"event":"seal\.sealed"|seal\.sealed|is sealed: web1\./);
    assert.equal(
      asked.split('start-the-job runs').length - 1,
      1 + loops.join('').split('&& start-the-job').length - 1,
      asked,
    );
    assert.match(asked, /^one\ntwo$/m);
    assert.match(asked, /=== done/);
  },
);

it('one version of Node.js is named, and it is the one that the package needs', async () => {
  const { engines } = JSON.parse(await readDocument('package.json')) as { engines: { node: string } };
  const needed = engines.node.replace('>=', '');
  for (const name of ['README.md', 'deploy/README.md', 'docs/first-hour.md', 'docs/dependencies.md'])
    for (const [, version] of (await readDocument(name)).matchAll(/Node(?:\.js)? (\d+)/g))
      assert.equal(version, needed, name);
});

it('the marker loops wait in the directory that the configurations name, and give up', async () => {
  const dirs = new Set<string>();
  for (const text of [
    ...configsOf(await readDocument('README.md')),
    await readDocument('deploy/sink.yaml'),
  ]) {
    const { sink } = parse(text) as { sink?: { markers: { dir: string } } };
    if (sink !== undefined) dirs.add(sink.markers.dir);
  }
  assert.deepEqual([...dirs], ['/srv/logd/received']);
  const text = (await readDocument('README.md')) + (await readDocument('docs/first-hour.md'));
  const markers = [...text.matchAll(/(\S*?)\/(?:web1)?_access_2026112216/g)].map(([, dir]) =>
    dir?.replace(/^`/, ''),
  );
  assert.ok(markers.length >= 3);
  assert.deepEqual([...new Set(markers)], [...dirs]);
  for (const line of text
    .split('\n')
    .filter((each) => /\b(?:until|while) /.test(each) && each.includes('do ')))
    assert.match(line, /^timeout \S+ sh -c '/);
});

/** The configurations that a document writes with `cat > FILE <<'EOF'`. */
const configsOf = (text: string): string[] =>
  [...text.matchAll(/<<'EOF'\n(.*?)^EOF$/gms)].map(([, config]) => config ?? '');
