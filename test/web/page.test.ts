/** The page in a real browser: what it shows, keyboard, themes, widths, accessibility, and that it asks nobody else. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { fillWith, startRig } from '../monitor/rig.ts';
import { buildPage, openBrowser } from '../servers/browser.ts';
import { openPage, setUp, violationsOf } from './open-page.ts';

const root = join(import.meta.dirname, '..', '..');
const MOST_GZIPPED = 150 * 1024;
const VIEWS = [
  '/',
  '/completeness?stream=access',
  '/completeness?stream=access&zoom=days',
  '/nodes',
  '/events',
  '/alerts',
];

describe('the page', { timeout: 240_000 }, () => {
  before(buildPage);

  it('is small', () => {
    const dir = join(root, 'dist', 'web');
    const names = readFileSync(join(dir, 'index.html'), 'utf8').match(/assets\/[\w.-]+/g) ?? [];
    const sizes = names.map((name) => gzipSync(readFileSync(join(dir, name))).length);
    assert.equal(names.length, 2, 'a script and a style');
    assert.ok(sizes.reduce((sum, size) => sum + size, 0) < MOST_GZIPPED, `${sizes.join(' + ')} bytes`);
  });

  it('has no accessibility violations, errors, or requests elsewhere, in both themes and at three widths', async (t) => {
    const { browser, url } = (await setUp(t)) ?? {};
    if (browser === undefined || url === undefined) return;
    for (const view of VIEWS) {
      const { page, faults } = await openPage(browser, `${url}${view}`);
      for (const width of [1440, 900, 390])
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.setViewportSize({ width, height: 900 });
          await page.emulateMedia({ colorScheme });
          assert.deepEqual(await violationsOf(page), [], `${view} ${width} ${colorScheme}`);
          const overflow = (await page.evaluate(
            'document.documentElement.scrollWidth - innerWidth',
          )) as number;
          assert.ok(overflow <= 0, `${view} at ${width} is ${overflow} px too wide`);
        }
      assert.deepEqual(faults, [], view);
      await page.close();
    }
  });

  it('walks the matrix by keyboard, jumps to problems, opens an hour, and keeps it in the address', async (t) => {
    const { browser, url } = (await setUp(t)) ?? {};
    if (browser === undefined || url === undefined) return;
    const { page, faults } = await openPage(browser, `${url}/completeness`);
    const cells = page.locator('[role=gridcell][tabindex="0"]');
    await cells.first().focus();
    assert.equal(await cells.count(), 1, 'one tab stop');
    // Focus follows the key once the grid is drawn again.
    const focused = async (name: RegExp): Promise<void> => {
      for (let looks = 0; looks < 100; looks++) {
        const label = (await page.evaluate('document.activeElement.getAttribute("aria-label")')) as
          string | null;
        if (label !== null && name.test(label)) return;
        await page.waitForTimeout(50);
      }
      assert.fail(`The focus did not go to ${name}.`);
    };
    await page.keyboard.press('n');
    await focused(/^web2, access, .*, refused$/);
    await page.keyboard.press('n');
    await focused(/^web2, access, .*, incomplete$/);
    await page.keyboard.press('ArrowDown');
    await focused(/^web3, /);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.drawer h2:not(:text("Reading"))');
    assert.match(page.url(), /hour=web3%2F\d{10}/);
    await page.keyboard.press('Escape');
    await page.waitForSelector('.drawer', { state: 'detached' });
    await page.keyboard.press('/');
    await focused(/^Filter hosts$/);
    await page.fill('[type=search]', 'state:refused');
    await page.waitForSelector('[role=status]:has-text("1 of 4 hosts shown")');
    assert.match((await page.locator('[role=status]').textContent()) ?? '', /1 of 4 hosts shown/);
    assert.deepEqual(faults, []);
  });

  it('draws only the rows near the window with 300 hosts, and shows them all', async (t) => {
    const { browser, url } = (await setUp(t, 300)) ?? {};
    if (browser === undefined || url === undefined) return;
    const { page, faults } = await openPage(browser, `${url}/completeness`);
    await page.waitForSelector('[role=row]');
    assert.equal(await page.locator('[role=grid]').getAttribute('aria-rowcount'), '301');
    assert.ok((await page.locator('[role=row]').count()) < 100);
    await page.evaluate('scrollTo(0, document.documentElement.scrollHeight)');
    await page.waitForSelector('[role=rowheader] :text-is("web300")');
    assert.deepEqual(faults, []);
  });

  it('says that its data is old when the monitor is gone', async (t) => {
    const browser = await openBrowser(t);
    if (browser === undefined) return;
    const rig = await startRig(t, { fill: fillWith(4, Date.now()) });
    const { page } = await openPage(browser, rig.url);
    await page.clock.install();
    await rig.stop();
    await page.clock.fastForward(70_000);
    await page.waitForSelector('[role=alert]:has-text("the monitor does not answer")');
    assert.match((await page.locator('h1').textContent()) ?? '', /^As of \d\d:\d\d: /);
  });
});
