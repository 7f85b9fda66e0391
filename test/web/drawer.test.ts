/** The drawer of an hour, with a real monitor, sink and agent: a pack that was lost on its way comes again by a button of the page. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { before, it } from 'node:test';
import type { Page } from 'playwright-core';
import { openUsers } from '../../src/monitor/api/users.ts';
import { openSql } from '../../src/monitor/store/registry.ts';
import { assertSealedEqual } from '../flow/compare.ts';
import { bytesOf } from '../flow/lines.ts';
import { startProxy } from '../flow/proxy.ts';
import { freePort, onRig, type Rig } from '../flow/rig.ts';
import { buildPage, openBrowser } from '../servers/browser.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const [HOST, STREAM, HOUR] = ['web1', 'access', '2026112216'];
const OPEN = `/completeness?stream=${STREAM}&from=2026112200&to=2026112223&hour=${HOST}%2F${HOUR}`;
const LOST = 3;
const PASSWORD = 'correct horse battery';

const addUsers = async (stateDir: string): Promise<void> => {
  await mkdir(stateDir, { recursive: true });
  await using sql = await openSql({ kind: 'sqlite' }, stateDir);
  const users = await openUsers(sql, () => Date.now());
  await users.put('anna', PASSWORD, 'operate');
  await users.put('ben', PASSWORD, 'view');
};

/** A monitor with two users, and an hour whose third pack was swallowed on its way. Resolves with the address of the page. */
const losePack = async (rig: Rig, after: (proxy: AsyncDisposable) => void): Promise<string> => {
  const [port, sinkHttp, agentHttp] = [await freePort(), await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const report = { to: url };
  await rig.configure('mon1', {
    monitor: { listen: `127.0.0.1:${port}`, check_interval: '1s', zone: 'UTC' },
  });
  await rig.configure('sink', {
    ...{ http: { listen: `127.0.0.1:${sinkHttp}` }, report },
    sink: {
      ...{ listen: `127.0.0.1:${rig.port}`, ledger: { path: rig.path('ledger.db') }, repull_after: '0s' },
      ...{ markers: { dir: rig.path('received') }, store: { kind: 'file', dir: rig.path('stored') } },
    },
  });
  let isLost = false;
  const proxy = await startProxy(
    rig.port,
    (parcel, road) => {
      if (parcel.header.id !== LOST || isLost) return road.pass(parcel);
      isLost = true;
      return road.lie(parcel);
    },
    true,
  );
  after(proxy);
  await rig.configureAgent({
    ...{ host: HOST, streams: [STREAM], settings: { send_to: `127.0.0.1:${proxy.port}` } },
    top: { http: { listen: `127.0.0.1:${agentHttp}` }, report },
  });
  await addUsers(rig.path('state', 'mon1'));
  await rig.start('mon1');
  await rig.start('sink');
  await rig.start(HOST);
  await rig.sources.write(HOST, STREAM, HOUR, bytesOf(HOST, 6 * 4096 - 100));
  await rig.until('all but one pack are here', async () =>
    (await rig.segments()).some(
      ({ packs, expected }) => expected !== undefined && packs === expected.packs - 1,
    ),
  );
  return url;
};

const violationsOf = async (page: Page): Promise<string[]> => {
  await page.evaluate(AXE);
  const { violations } = (await page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as {
    readonly violations: readonly {
      readonly id: string;
      readonly nodes: readonly { readonly html: string }[];
    }[];
  };
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
};

before(buildPage);

it('a lost pack is asked for by the button, and its hour is sealed', { timeout: 240_000 }, async (t) => {
  const browser = await openBrowser(t);
  if (browser === undefined) return;
  await onRig(
    t,
    async (rig) => {
      const url = await losePack(rig, (proxy) => t.after(() => proxy[Symbol.asyncDispose]()));
      const faults: string[] = [];
      const signedIn = async (name: string): Promise<Page> => {
        const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, bypassCSP: true });
        page.on('pageerror', (error) => faults.push(String(error)));
        await page.goto(`${url}${OPEN}`);
        const data = { name, password: PASSWORD };
        const answer = await page.request.post(`${url}/api/session`, {
          data,
          headers: { 'x-logd-request': '1' },
        });
        assert.equal(answer.status(), 200);
        await rig.until('the page shows the hour', async () => {
          await page.goto(`${url}${OPEN}`);
          return page.waitForSelector('.drawer h2:text("Pack 3 is missing")', { timeout: 3_000 }).then(
            () => true,
            () => false,
          );
        });
        return page;
      };
      const ben = await signedIn('ben');
      await ben.waitForSelector('.drawer :text("needs the role operate")');
      assert.equal(await ben.locator('.drawer button:text("Repull")').count(), 0);
      const path = `/api/hours/${STREAM}/${HOST}/${HOUR}/repull`;
      const refused = await ben.request.post(`${url}${path}`, { headers: { 'x-logd-request': '1' } });
      assert.equal(refused.status(), 403);

      const anna = await signedIn('anna');
      const text = (await anna.locator('.drawer').textContent()) ?? '';
      assert.match(text, /web1 read.*sink has.*Difference.*Packs.*−1/);
      assert.match(text, /Pack 3: bytes [\d,]+ to [\d,]+/);
      assert.equal(await anna.locator('.packs .missing').count(), 1);
      for (const [width, scheme] of [
        [1440, 'light'],
        [1440, 'dark'],
        [390, 'light'],
      ] as const) {
        await anna.setViewportSize({ width, height: 900 });
        await anna.emulateMedia({ colorScheme: scheme });
        assert.deepEqual(await violationsOf(anna), [], `${width} ${scheme}`);
        const over = (await anna.evaluate(
          'document.querySelector(".drawer").scrollWidth - document.querySelector(".drawer").clientWidth',
        )) as number;
        assert.ok(over <= 0, `the drawer at ${width} is ${over} px too wide`);
      }
      await anna.setViewportSize({ width: 1440, height: 900 });
      const isBeside = await anna.evaluate(
        'document.querySelector(".cell.open").getBoundingClientRect().right < document.querySelector(".drawer").getBoundingClientRect().left',
      );
      assert.equal(isBeside, true, 'the cell of the hour is in sight');

      // Not modal: the arrows go on in the matrix, and the drawer follows; Esc brings the focus back.
      await anna.locator('.cell.open').focus();
      await anna.keyboard.press('ArrowRight');
      await anna.waitForURL(/hour=web1%2F2026112217/);
      await anna.keyboard.press('ArrowLeft');
      await anna.waitForSelector('.drawer h2:text("Pack 3 is missing")');
      await anna.locator('.drawer button:text("Copy link")').focus();
      await anna.keyboard.press('Escape');
      await anna.waitForSelector('.drawer', { state: 'detached' });
      const focused = (await anna.evaluate('document.activeElement.getAttribute("aria-label")')) as
        string | null;
      assert.match(focused ?? '', /^web1, access, .*16:00/);
      await anna.keyboard.press('Enter');

      await anna.locator('.drawer button:text-is("Copy")').first().click();
      await anna.waitForSelector('.drawer button:text-is("Copied")');
      await anna.waitForSelector('.drawer button:text-is("Copied")', { state: 'detached' });
      await anna.locator('.drawer button:text("Repull pack 3")').click();
      const question = (await anna.locator('.sure p').textContent()) ?? '';
      assert.match(question, /^Repull pack 3 from web1\? It sends [\d.]+ Ki?B\.$/);
      await anna.keyboard.press('Enter');
      await anna.waitForSelector('.drawer h2:text("Sealed. Nothing is missing.")');
      await anna.waitForSelector('.repull li[aria-current=step]:text("received")');
      await assertSealedEqual(rig);
      const actions = (await (await anna.request.get(`${url}/api/actions`)).json()) as {
        readonly actions: readonly {
          readonly name: string;
          readonly action: string;
          readonly detail: string;
        }[];
      };
      const written = actions.actions.filter(({ action }) => action === 'repull');
      assert.deepEqual(
        written.map(({ name, detail }) => [name, detail]),
        [['anna', `${HOST}/${STREAM}/${HOUR}, pack 3, at sink`]],
      );
      assert.deepEqual(await violationsOf(anna), []);
      assert.deepEqual(faults, []);
    },
    200_000,
  );
});
