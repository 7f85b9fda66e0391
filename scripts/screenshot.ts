/**
 * Makes docs/page.png, the README's picture of the page: from a real run of the demo, in Chromium.
 *
 *   node scripts/with-node24.mjs scripts/screenshot.ts
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const root = join(import.meta.dirname, '..');
const dir = mkdtempSync(join(tmpdir(), 'logd-screenshot-'));
const demo = spawn(
  process.execPath,
  [
    join(root, 'src/cli/main.ts'),
    'demo',
    '--page',
    '--keep',
    '--hosts',
    '6',
    '--hours',
    '8',
    '--seconds-per-hour',
    '3',
    '--dir',
    dir,
  ],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
let said = '';
demo.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) {
    if (demo.exitCode !== null) throw new Error(`The demo ended: ${said}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
};

try {
  await until(() => said.includes('Proven'));
  const [url = ''] = /http:\/\/127\.0\.0\.1:\d+/.exec(said) ?? [];
  const hour =
    readdirSync(join(dir, 'sources', 'web1'))
      .sort()
      .at(-2)
      ?.replace('access.log.', '') ?? '';
  const browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu'],
  });
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme: 'light' });
  await page.goto(`${url}/completeness?hour=web1/${hour}`);
  await page.waitForSelector('.drawer h2:not(:text("Reading"))');
  await page.screenshot({ path: join(root, 'docs', 'page.png') });
  await browser.close();
} finally {
  demo.kill('SIGINT');
  if (demo.exitCode === null) await once(demo, 'exit');
  rmSync(dir, { recursive: true, force: true });
}
