/** How old the data is, in a real browser; and what the tab says: title and icon. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { fillWith, startRig } from '../monitor/rig.ts';
import { buildPage, openBrowser } from '../servers/browser.ts';
import { openPage, violationsOf } from './open-page.ts';

const iconOf = async (page: Page): Promise<string> =>
  decodeURIComponent((await page.locator('#icon').getAttribute('href')) ?? '');

describe('how old the data is', { timeout: 120_000 }, () => {
  before(buildPage);

  it('is said after ten seconds, is a banner after a minute, and colour leaves; all of it comes back', async (t) => {
    const browser = await openBrowser(t);
    if (browser === undefined) return;
    const rig = await startRig(t, { fill: fillWith(4, Date.now()) });
    const { page } = await openPage(browser, `${rig.url}/completeness?stream=access`);
    await page.waitForSelector('[role=gridcell]');
    assert.match((await page.locator('.clock .age').textContent()) ?? '', /^Live, \d s ago$/);
    await page.waitForFunction('/^1 refused, logd$/.test(document.title)');
    assert.match(await iconOf(page), /#74298A/);
    const filter = 'getComputedStyle(document.querySelector("[role=gridcell]")).filter';
    assert.equal(await page.evaluate(filter), 'none');

    await page.clock.install();
    await rig.stop();
    await page.clock.fastForward(14_000);
    await page.waitForSelector('.clock .age:text-matches("^Last data 1\\\\d s ago$")');
    assert.equal(await page.locator('[role=alert]').count(), 0);
    await page.clock.fastForward(60_000);
    await page.waitForSelector('[role=alert]:has-text("This page is 7")');
    assert.match(
      (await page.locator('[role=alert]').textContent()) ?? '',
      /the monitor does not answer\. Last data \d\d:\d\d:\d\d\. Trying again/,
    );
    assert.match((await page.locator('h1').textContent()) ?? '', /^As of \d\d:\d\d: 1 hour of /);
    assert.equal(await page.evaluate(filter), 'grayscale(1)');
    assert.match(await iconOf(page), /#8A909C/);
    const bar = await page.locator('.bar').boundingBox();
    const banner = await page.locator('.banner').boundingBox();
    assert.equal(banner?.y, (bar?.y ?? 0) + (bar?.height ?? 0), 'the banner stands below the top bar');
    assert.deepEqual(await violationsOf(page), []);
  });

  it('has colours of its own in the dark, from the one palette', async (t) => {
    const browser = await openBrowser(t);
    if (browser === undefined) return;
    const rig = await startRig(t, { fill: fillWith(4, Date.now()) });
    const { page } = await openPage(browser, rig.url, { theme: 'dark' });
    const background = 'getComputedStyle(document.body).backgroundColor';
    assert.equal(await page.evaluate(background), 'rgb(16, 18, 22)');
    await page.locator('footer button:text-is("Light")').click();
    assert.equal(await page.evaluate(background), 'rgb(252, 252, 251)');
    await page.reload();
    await page.waitForSelector('footer button[aria-pressed=true]:text-is("Light")');
    assert.equal(await page.evaluate(background), 'rgb(252, 252, 251)');
    await page.locator('footer button:text-is("As the system")').click();
    assert.equal(await page.evaluate(background), 'rgb(16, 18, 22)');
  });
});
