/** The nodes in a real browser: those that need somebody first, the others folded, filter and order. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { fastify } from 'fastify';
import { nodeTable } from '../../src/monitor/nodes/node-table.ts';
import { startRig } from '../monitor/rig.ts';
import { buildPage, openBrowser } from '../servers/browser.ts';
import { openPage } from './open-page.ts';

const AGENTS = 20;

/** The status of a node: a relay whose window is nearly full, or an agent that has nothing to do. */
const statusOf = (node: string): object => {
  const isRelay = node === 'relay-a';
  const nothing = { packs: 0, lines: 0, bytes: 0, packsPerSecond: 0, linesPerSecond: 0, bytesPerSecond: 0 };
  return {
    ...{ node, version: node === 'web3' ? '1.3.2' : '1.4.0', startedAt: Date.now(), now: Date.now() },
    roles: [
      {
        ...{ role: isRelay ? 'relay' : 'agent', state: 'running', startedAt: 0, throughput: nothing },
        ...{ lag: { bytes: 0, seconds: 0 }, openHours: [], openHourCount: 0, parts: [], errors: [] },
        gauges: [{ name: 'window_bytes', help: 'h', value: isRelay ? 88 : 7, limit: 100 }],
      },
    ],
  };
};

describe('the nodes', { timeout: 120_000 }, () => {
  before(buildPage);

  it('show who needs somebody first, fold those that are well, and are filtered and ordered', async (t) => {
    const browser = await openBrowser(t);
    if (browser === undefined) return;
    const names = [...Array.from({ length: AGENTS }, (_, n) => `web${n + 1}`), 'relay-a'];
    const apps = await Promise.all(
      names.map(async (name) => {
        const app = fastify({ forceCloseConnections: true });
        app.get('/status', () => statusOf(name));
        const url = await app.listen({ host: '127.0.0.1', port: 0 });
        t.after(() => app.close());
        return Number(new URL(url).port);
      }),
    );
    const rig = await startRig(t, {
      fill: async (sql) => {
        for (const [n, name] of names.entries())
          await nodeTable(sql).register({
            ...{ ip: '127.0.0.1', port: apps[n] ?? 0, role: 'agent', hostname: name, name, registeredAt: 0 },
          });
      },
    });
    const { page, faults } = await openPage(browser, `${rig.url}/nodes`);
    await page.waitForSelector('h1:text-is("All 21 nodes are alive. relay-a is filling up.")');
    await page.waitForSelector('.verdict p:text-is("The window of relay-a is 88 % full.")');
    const cells = (): Promise<string[]> => page.locator('table.nodes td:first-child').allTextContents();
    const groups = (await cells()).map((text) => text.trim());
    assert.deepEqual(groups.slice(0, 6), [
      'Needs attention 1',
      'relay-a',
      'Agents 20 of 20, all well',
      'web1',
      'web2',
      'web3',
    ]);
    assert.equal(await page.locator('td:text-is("1.3.2")').getAttribute('class'), '', 'it stands out');
    await page.locator('button:text-is("Show 8 more agents, all well")').click();
    assert.equal((await cells()).at(-1), 'web20');
    await page.fill('[type=search]', 'role:relay');
    await page.waitForSelector('[role=status]:has-text("1 of 21 nodes shown")');
    await page.fill('[type=search]', 'web1*');
    await page.waitForSelector('[role=status]:has-text("11 of 21 nodes shown")');
    await page.fill('[type=search]', '');
    await page.locator('button:text-is("By name")').click();
    assert.deepEqual((await cells()).slice(0, 3), ['All nodes 21', 'relay-a', 'web1']);
    assert.deepEqual(faults, []);
  });
});
