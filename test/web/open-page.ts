/** Opens the page in a real browser, for tests of what it shows. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { TestContext } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { fillWith, startRig } from '../monitor/rig.ts';
import { openBrowser } from '../servers/browser.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** A page that fails the test where the browser complains, or another host is asked. */
export const openPage = async (
  browser: Browser,
  url: string,
  options: { readonly width?: number; readonly theme?: 'light' | 'dark' } = {},
): Promise<{ readonly page: Page; readonly faults: string[] }> => {
  const page = await browser.newPage({
    viewport: { width: options.width ?? 1440, height: 900 },
    colorScheme: options.theme ?? 'light',
    bypassCSP: true,
  });
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => void (message.type() === 'error' && faults.push(message.text())));
  page.on(
    'request',
    (request) => void (new URL(request.url()).origin !== new URL(url).origin && faults.push(request.url())),
  );
  await page.goto(url, { waitUntil: 'load' });
  await page.waitForSelector('main h1:not(:text("Reading"))');
  return { page, faults };
};

export const violationsOf = async (page: Page): Promise<string[]> => {
  await page.evaluate(AXE);
  const { violations } = (await page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as {
    readonly violations: readonly Violation[];
  };
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary}`),
  );
};

export const setUp = async (
  t: TestContext,
  hosts = 4,
): Promise<{ readonly browser: Browser; readonly url: string } | undefined> => {
  const browser = await openBrowser(t);
  if (browser === undefined) return undefined;
  const rig = await startRig(t, { fill: fillWith(hosts, Date.now()) });
  return { browser, url: rig.url };
};
