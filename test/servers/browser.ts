/** Debian's Chromium, driven by playwright-core, for tests of the page. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Browser, chromium } from 'playwright-core';
import { notTested } from '../house/needs.ts';

const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome'];
const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync'],
];
const root = join(import.meta.dirname, '..', '..');

const findProgram = (): string | undefined =>
  PROGRAMS.map((name) =>
    spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim(),
  ).find((path) => path !== '');

/** A browser, or undefined with the test ended where there is none. */
export const openBrowser = async (test: TestContext): Promise<Browser | undefined> => {
  const program = findProgram();
  if (program === undefined) {
    notTested(test, 'Chromium');
    return undefined;
  }
  const browser = await chromium.launch({ executablePath: program, args: FLAGS });
  test.after(() => browser.close());
  return browser;
};

const newestOf = (dir: string): number =>
  Math.max(
    ...readdirSync(dir, { recursive: true, encoding: 'utf8' }).map(
      (name) => statSync(join(dir, name)).mtimeMs,
    ),
  );

/**
 * Builds the page into dist/web, from the sources as they are; not again where it is newer than they. Test files that run side by side
 * share it: nothing in it is removed.
 */
export const buildPage = (): void => {
  const index = join(root, 'dist', 'web', 'index.html');
  if (existsSync(index) && statSync(index).mtimeMs > newestOf(join(root, 'web'))) return;
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const built = spawnSync(
    process.execPath,
    [vite, 'build', '--config', 'web/vite.config.ts', '--logLevel', 'error', '--emptyOutDir', 'false'],
    {
      ...{ cwd: root, encoding: 'utf8' },
    },
  );
  if (built.status !== 0 || !existsSync(index))
    throw new Error(`The page cannot be built: ${built.stdout}${built.stderr}`);
};
