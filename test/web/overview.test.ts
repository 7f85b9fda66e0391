/** The overview in a real browser: charts of lag and throughput, that break where samples are missing and end where the data ends. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { STEP_MS, streamPointTable } from '../../src/monitor/nodes/stream-points.ts';
import { fillWith, startRig } from '../monitor/rig.ts';
import { buildPage, openBrowser } from '../servers/browser.ts';
import { openPage, violationsOf } from './open-page.ts';

/** Where a chart has something of its line, of all columns of its picture: `1` or `0` each. */
const INKED = `(() => {
  const canvas = document.querySelectorAll('.plot canvas')[4];
  const { width, height } = canvas;
  const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
  const hasInk = (x) => Array.from({ length: height }, (_, y) => data[(y * width + x) * 4 + 3]).some((a) => a > 100);
  return Array.from({ length: width }, (_, x) => (hasInk(x) ? 1 : 0)).join('');
})()`;

describe('the overview', { timeout: 120_000 }, () => {
  before(buildPage);

  it('draws lag on one scale with its limit, and throughput with its peak; lines break where nothing is known', async (t) => {
    const browser = await openBrowser(t);
    if (browser === undefined) return;
    const now = Date.now();
    const first = now - (now % STEP_MS) - 143 * STEP_MS;
    const rig = await startRig(t, {
      fill: async (sql) => {
        await fillWith(4, now)(sql);
        // Half of the day is known: a quarter, a pause, a quarter.
        const known = (n: number): boolean => n < 36 || (n >= 72 && n < 108);
        const steps = Array.from({ length: 144 }, (_, n) => n).filter(known);
        const points = ['access', 'app', 'audit', 'error'].flatMap((stream) =>
          steps.map((n) => ({
            ...{ stream, at: first + n * STEP_MS, samples: 2, lineRates: 20 },
            ...{ byteRates: n === 10 ? 4 * 1024 * 1024 : 2 * 1024 * 1024, lag: n === 10 ? 3_000 : 0.5 },
          })),
        );
        await streamPointTable(sql).save(points);
      },
    });
    const { page, faults } = await openPage(browser, rig.url);
    await page.waitForSelector('.plot canvas');
    assert.equal(await page.locator('.chart').count(), 8, 'four streams, twice');
    const heads = (await page.locator('h2').allTextContents()).map((text) => text.replace(/\s+/g, ' '));
    assert.ok(heads.includes('Worst lag by stream, last 24 h, one scale, 0 to 60 min; dashed: limit 20 min'));
    const [lag, ...others] = await page.locator('.chart figcaption').allTextContents();
    assert.match(lag ?? '', /^access.*unknown$/, 'what came last is older than the last steps');
    assert.match(others[3] ?? '', /^access.*peak 2\.0 MiB\/s.*unknown$/);
    const inked = (await page.evaluate(INKED)) as string;
    const part = (from: number, to: number): string =>
      inked.slice(Math.round(inked.length * from), Math.round(inked.length * to));
    assert.ok(!part(0.02, 0.22).includes('0'), 'the first quarter is one line');
    assert.ok(!part(0.27, 0.48).includes('1'), 'nothing is drawn where nothing is known');
    assert.ok(!part(0.52, 0.73).includes('0'), 'and it goes on');
    assert.ok(!part(0.78, 1).includes('1'), 'the line ends where the data ends');
    assert.deepEqual(await violationsOf(page), []);
    assert.deepEqual(faults, []);
  });

  it('says of lag and throughput that they are unknown where no node says them', async (t) => {
    const browser = await openBrowser(t);
    if (browser === undefined) return;
    const rig = await startRig(t, { fill: fillWith(4, Date.now()) });
    const { page } = await openPage(browser, rig.url);
    await page.waitForSelector('.figures dd:not(:has-text("…"))');
    const figures = await page.locator('.figures dd').allTextContents();
    assert.deepEqual(
      figures.slice(2).map((text) => text.trim()),
      ['unknown', 'unknown'],
    );
    assert.equal(await page.locator('.chart').count(), 0);
  });
});
