/**
 * Makes dist/ from src/: plain JavaScript for Node 24, for the npm package; and dist/web/, the monitor's page, from web/.
 *
 * tsc rewrites the `.ts` of imports but not of strings. A file that starts a worker thread from a URL must take
 * its own extension, as `moduleBeside` in src/threads/module-beside.ts does.
 * The build fails on one that does not.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
if (status !== 0) process.exit(status ?? 1);

const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
const page = spawnSync(
  process.execPath,
  [vite, 'build', '--config', 'web/vite.config.ts', '--logLevel', 'warn'],
  {
    cwd: root,
    stdio: 'inherit',
  },
);
if (page.status !== 0) process.exit(page.status ?? 1);

const TS_URL = /new URL\(\s*['"`][^'"`]*\.ts['"`]/;
const wrong = readdirSync(dist, { recursive: true })
  .map(String)
  .filter((file) => file.endsWith('.js') && TS_URL.test(readFileSync(join(dist, file), 'utf8')));
if (wrong.length > 0) {
  console.error(
    `These files name a .ts file at run time, see the head of scripts/build.mjs: ${wrong.join(', ')}`,
  );
  process.exit(1);
}
console.error('Built dist/.');
