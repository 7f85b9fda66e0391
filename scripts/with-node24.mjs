/**
 * Runs a script of this repository on the Node.js that it is written for, whatever `node` is on the PATH.
 *
 *   node scripts/with-node24.mjs <script> [arguments…]
 *
 * Runs on Node 20 and on a fresh clone: it uses nothing but Node itself. Installs the dependencies when they are
 * missing or differ from package-lock.json, then hands over to the `node` that is one of them.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const WANTED_MAJOR = 24;

const majorOf = (version) => Number(/^v(\d+)\./.exec(version)?.[1] ?? 0);

const packagesOf = (path) => (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).packages : undefined);

/** What stands in the way of using node_modules as it is, or undefined. npm writes its lock file there last of all. */
const whyInstall = () => {
  const installed = packagesOf(join(root, 'node_modules', '.package-lock.json'));
  if (installed === undefined) return 'The dependencies are not installed yet';
  const wanted = packagesOf(join(root, 'package-lock.json')) ?? {};
  for (const [path, { version, optional }] of Object.entries(wanted)) {
    // Optional packages are binaries for one platform each: npm installs those that fit this machine.
    if (path === '' || optional === true) continue;
    if (installed[path]?.version !== version) return `${path} ${version} is not installed`;
  }
  return undefined;
};

const fail = (message) => {
  console.error(`\n${message}`);
  process.exit(1);
};

const install = (reason) => {
  console.error(`${reason}: running npm ci (once, about a minute)…`);
  const npm = process.env.npm_execpath; // set when npm itself runs us
  const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const options = ['ci', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  const { status, error } = spawnSync(command, [...first, ...options], {
    cwd: root,
    stdio: ['ignore', 2, 2], // our standard output belongs to the script
  });
  if (error !== undefined) fail(`Cannot run npm: ${error.message}. Install npm, then try again.`);
  if (status !== 0) fail('npm ci failed, see above. Check the network and the npm registry, then try again.');
  console.error('Installed.\n');
};

/** The path of a Node that is new enough: the one of node_modules, else the one we are running on. */
const findNode = () => {
  const pinned = join(root, 'node_modules', 'node', 'bin', 'node');
  if (existsSync(pinned)) {
    const { stdout, status } = spawnSync(pinned, ['--version'], { encoding: 'utf8' });
    if (status === 0 && majorOf(stdout) >= WANTED_MAJOR) return pinned;
  }
  if (majorOf(process.version) >= WANTED_MAJOR) return process.execPath;
  return fail(
    `This needs Node.js ${WANTED_MAJOR}; you run ${process.version}, and the "node" package did not bring its binary.\n` +
      'Most likely npm was told not to run install scripts. Try:\n\n' +
      '  npm rebuild node --ignore-scripts=false\n\n' +
      `or put Node.js ${WANTED_MAJOR} or later on the PATH.`,
  );
};

const [script, ...args] = process.argv.slice(2);
if (script === undefined) fail('Usage: node scripts/with-node24.mjs <script> [arguments…]');

const reason = whyInstall();
if (reason !== undefined) install(reason);

const child = spawn(findNode(), [resolve(root, script), ...args], { stdio: 'inherit' });

// A terminal sends Ctrl-C to the child as well, and a second signal means "stop at once": do not make one into two.
const atTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => {
    if (signal !== 'SIGINT' || !atTerminal) child.kill(signal);
  });

child.on('error', (error) => fail(`Cannot start Node.js: ${error.message}`));
child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
