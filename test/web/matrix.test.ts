/** The matrix in a real browser: thin rows, order, filter, keys, sizes. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { systemClock } from '../../src/telemetry/clock.ts';
import { fillWith, HOUR_MS, startRig } from '../monitor/rig.ts';
import { buildPage, openBrowser } from '../servers/browser.ts';
import { openPage, setUp, violationsOf } from './open-page.ts';

const DAYS = '/completeness?stream=access&zoom=days';

const sizeOf = (page: Page, selector: string): Promise<[number, number]> =>
  page
    .locator(selector)
    .first()
    .evaluate((element: { getBoundingClientRect(): { width: number; height: number } }) => {
      const { width, height } = element.getBoundingClientRect();
      return [width, height];
    });

/** The names of the rows that are drawn in full, from the top. */
const fullRows = (page: Page): Promise<string[]> =>
  page.locator('.rows > .row:not(.thin) [role=rowheader] .name').allTextContents();

/** Waits until the focused cell is called so. */
const focused = async (page: Page, name: RegExp): Promise<void> => {
  for (let looks = 0; looks < 100; looks++) {
    const label = (await page.evaluate('document.activeElement.getAttribute("aria-label")')) as string | null;
    if (label !== null && name.test(label)) return;
    await page.waitForTimeout(50);
  }
  assert.fail(`The focus did not go to ${name}.`);
};

describe('the matrix', { timeout: 240_000 }, () => {
  before(buildPage);

  it('shows hosts without a problem as thin rows, and one of them in full when it is asked for', async (t) => {
    const { browser, url } = (await setUp(t, 300)) ?? {};
    if (browser === undefined || url === undefined) return;
    const { page, faults } = await openPage(browser, `${url}${DAYS}`);
    await page.waitForSelector('.row.thin');
    // web1 is late only once its hour is 20 minutes over.
    const top = (await fullRows(page)).filter((host) => host !== 'web1');
    assert.deepEqual(top, ['web2', 'web3'], 'refused before silent');
    assert.match((await page.locator('.thin-head').textContent()) ?? '', /^29[78] hosts without a problem/);
    assert.equal((await sizeOf(page, '.thin-cells'))[1], 5);
    assert.ok((await page.locator('[role=gridcell]').count()) < 1_000, 'a thin row is one element');
    const height = (await page.evaluate('document.querySelector(".rows").offsetHeight')) as number;
    assert.ok(height < 2_000, `300 hosts are ${height} px high`);
    assert.match((await page.locator('.row.thin .host.named').nth(1).textContent()) ?? '', /^web2[34]$/);

    await page.locator('.row.thin .thin-cells').nth(5).click();
    await page.waitForSelector(
      '.row:not(.thin) .name:text-is("web8"), .row:not(.thin) .name:text-is("web9")',
    );
    await page.waitForSelector('button:text-is("Unpin")');
    await page.locator('[role=gridcell][tabindex="0"]').focus();
    await page.keyboard.press('Delete');
    await page.waitForSelector('button:text-is("Unpin")', { state: 'detached' });
    await focused(page, /^web[89], access, .*Enter shows it in full\.$/);
    await page.keyboard.press('Enter');
    await page.waitForSelector('button:text-is("Unpin")');
    assert.deepEqual(await violationsOf(page), []);
    assert.deepEqual(faults, []);
  });

  it('keeps the focused host over a change of zoom, by 1, 2 and 3', async (t) => {
    const { browser, url } = (await setUp(t)) ?? {};
    if (browser === undefined || url === undefined) return;
    const { page } = await openPage(browser, `${url}/completeness?stream=access`);
    await page.locator('[role=gridcell][tabindex="0"]').focus();
    await page.keyboard.press('ArrowDown');
    await focused(page, /^web2, access, /);
    for (const [key, zoom] of [
      ['2', 'days'],
      ['3', 'months'],
      ['1', 'hours'],
    ] as const) {
      await page.keyboard.press(key);
      await page.waitForSelector(`[role=grid][aria-label$="${zoom}"]`);
      const label = await page.locator('[role=gridcell][tabindex="0"]').getAttribute('aria-label');
      assert.match(label ?? '', /^web2, access, /, zoom);
    }
  });

  it('goes to the next and the previous problem from anywhere, by key and by button', async (t) => {
    const { browser, url } = (await setUp(t)) ?? {};
    if (browser === undefined || url === undefined) return;
    const { page } = await openPage(browser, `${url}/completeness?stream=access`);
    await page.waitForSelector('[role=row]');
    await page.keyboard.press('n');
    await focused(page, /^web2, access, .*, refused$/);
    await page.keyboard.press('n');
    await focused(page, /, incomplete$/);
    await page.keyboard.press('Shift+N');
    await focused(page, /, refused$/);
    await page.locator('.rule button:text-is("Next problem")').click();
    await focused(page, /, incomplete$/);
  });

  it('shows its keys, and stops listening to them where somebody wants that', async (t) => {
    const { browser, url } = (await setUp(t)) ?? {};
    if (browser === undefined || url === undefined) return;
    const { page } = await openPage(browser, `${url}/completeness?stream=access`);
    await page.waitForSelector('[role=row]');
    await page.keyboard.press('?');
    await page.waitForSelector('dialog[open]');
    assert.deepEqual(await violationsOf(page), []);
    await page.locator('dialog [type=checkbox]').uncheck();
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog[open]', { state: 'detached' });
    await page.keyboard.press('3');
    await page.keyboard.press('?');
    await page.reload();
    await page.waitForSelector('[role=row]');
    await page.keyboard.press('2');
    assert.ok(!page.url().includes('zoom'));
    assert.equal(await page.locator('dialog[open]').count(), 0);
  });

  it('filters by name, state and role; a legend entry toggles its state; counts stay those of the whole', async (t) => {
    const { browser, url } = (await setUp(t, 40)) ?? {};
    if (browser === undefined || url === undefined) return;
    const { page, faults } = await openPage(browser, `${url}/completeness?stream=access`);
    const shown = (text: string): Promise<unknown> =>
      page.waitForSelector(`[role=status]:has-text("${text} of 40 hosts shown")`);
    const silent = page.locator('.legend button:has-text("Silent")');
    const before = await silent.textContent();
    await silent.click();
    await shown('1');
    assert.equal(await silent.getAttribute('aria-pressed'), 'true');
    assert.equal(await silent.textContent(), before);
    assert.match(decodeURIComponent(page.url()), /filter=state:silent/);
    await page.locator('.legend button:has-text("Refused")').click();
    await shown('2');
    await silent.click();
    await shown('1');
    assert.deepEqual(await fullRows(page), ['web2']);
    await page.fill('[type=search]', 'web1*');
    await shown('11');
    await page.fill('[type=search]', 'role:agent');
    await shown('1');
    assert.deepEqual(await fullRows(page), ['web1'], 'the one host whose node has registered');
    await page.fill('[type=search]', 'wbe');
    await page.locator('button:text-is("Clear filter.")').click();
    await page.waitForSelector('[role=rowheader]:has-text("web40")');
    assert.deepEqual(faults, []);
  });

  it('has cells of 18 px, and of 24 px for fingers, phones and who wants them', async (t) => {
    const { browser, url } = (await setUp(t)) ?? {};
    if (browser === undefined || url === undefined) return;
    const { page } = await openPage(browser, `${url}/completeness?stream=access`);
    await page.waitForSelector('[role=gridcell]');
    assert.deepEqual(await sizeOf(page, '[role=gridcell]'), [18, 18]);
    await page.locator('footer button:text-is("Large cells")').click();
    assert.deepEqual(await sizeOf(page, '[role=gridcell]'), [24, 24]);
    await page.reload();
    await page.waitForSelector('[role=gridcell]');
    assert.deepEqual(await sizeOf(page, '[role=gridcell]'), [24, 24], 'it is remembered');

    const phone = await openPage(browser, `${url}/completeness?stream=access`, { width: 390 });
    await phone.page.waitForSelector('[role=gridcell]');
    assert.deepEqual(await sizeOf(phone.page, '[role=gridcell]'), [24, 24]);
    assert.equal((await sizeOf(phone.page, '[role=rowheader]'))[0], 74);
    assert.deepEqual((await fullRows(phone.page)).slice(0, 1), ['web2'], 'problems come first');
    const last = await phone.page.locator('.worst .cell').last().boundingBox();
    assert.ok((last?.x ?? 999) + 24 <= 390, 'the newest hour is in sight');
    // The refused hour is 20 hours ago: to the left of what is seen.
    await phone.page.waitForSelector('[role=rowheader]:has-text("web2") small:text-matches("^‹[12]$")');
  });

  it('never moves rows by itself, and says when their order is another one', async (t) => {
    const browser = await openBrowser(t);
    if (browser === undefined) return;
    let ahead = 0;
    const clock = { ...systemClock, now: () => systemClock.now() + ahead };
    const rig = await startRig(t, { clock, fill: fillWith(40, Date.now()) });
    const { page } = await openPage(browser, `${rig.url}${DAYS}`);
    await page.waitForSelector('.row.thin');
    const before = await fullRows(page);
    assert.ok(!before.includes('web4'));
    // Two hours later what is open is late, and what should have come is silent.
    ahead = 2 * HOUR_MS;
    await page.waitForSelector('button:text-is("Sort again")');
    assert.deepEqual(await fullRows(page), before);
    assert.match((await page.locator('.thin-head').textContent()) ?? '', /^3[678] hosts one thin row/);
    await page.locator('button:text-is("Sort again")').click();
    await page.waitForSelector('.row:not(.thin) .name:text-is("web4")');
    await page.waitForSelector('button:text-is("Sort again")', { state: 'detached' });
  });

  it('marks a cell that changes, and leaves the focus where it is', async (t) => {
    const browser = await openBrowser(t);
    if (browser === undefined) return;
    let ahead = 0;
    const clock = { ...systemClock, now: () => systemClock.now() + ahead };
    const rig = await startRig(t, { clock, fill: fillWith(4, Date.now()) });
    const { page } = await openPage(browser, `${rig.url}/completeness?stream=access`);
    await page.locator('[role=gridcell][tabindex="0"]').focus();
    await focused(page, /^web1, access, .*, receiving$/);
    ahead = 2 * HOUR_MS;
    await page.waitForSelector('.cell.changed');
    await focused(page, /^web1, access, .*, late/);
  });
});
