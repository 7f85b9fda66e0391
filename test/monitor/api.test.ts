/** The monitor's doors: tokens of nodes, sign-in, foreign requests, tries of passwords, paths that lead nowhere. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { openUsers } from '../../src/monitor/api/users.ts';
import { fillWith, startRig } from './rig.ts';

const OWN = { 'x-logd-request': '1', 'content-type': 'application/json' };
const PASSWORD = 'correct horse battery';

it('lets in who may come in, and nobody else', { timeout: 60_000 }, async (t) => {
  const rig = await startRig(t, {
    fill: async (sql) => {
      await fillWith(2, Date.now())(sql);
      const users = await openUsers(sql, () => Date.now());
      await users.put('anna', PASSWORD, 'operate');
      await users.put('ben', PASSWORD, 'view');
    },
  });
  const ask = (path: string, init: RequestInit = {}): Promise<Response> => fetch(`${rig.url}${path}`, init);
  const signIn = (name: string, password: string, headers: Record<string, string> = OWN): Promise<Response> =>
    ask('/api/session', { method: 'POST', headers, body: JSON.stringify({ name, password }) });

  assert.equal((await ask('/api/nodes')).status, 401, 'there are users, so nobody looks without signing in');
  assert.equal(
    (await signIn('anna', PASSWORD, { 'content-type': 'application/json' })).status,
    403,
    'a form of another page',
  );
  assert.equal((await signIn('anna', PASSWORD, { ...OWN, 'sec-fetch-site': 'cross-site' })).status, 403);
  assert.equal((await signIn('anna', 'wrong password')).status, 401);

  const cookieOf = async (name: string): Promise<string> => {
    const response = await signIn(name, PASSWORD);
    assert.equal(response.status, 200);
    const cookie = response.headers.get('set-cookie') ?? '';
    assert.match(cookie, /^logd_session=[\w-]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/);
    return cookie.split(';')[0] ?? '';
  };
  const [anna, ben] = [await cookieOf('anna'), await cookieOf('ben')];
  assert.equal((await ask('/api/nodes', { headers: { cookie: ben } })).status, 200);
  const expect = (cookie: string, headers: Record<string, string> = OWN): Promise<Response> =>
    ask('/api/expectations', {
      ...{ method: 'POST', headers: { ...headers, cookie } },
      body: JSON.stringify({ stream: 'access', host: 'web9' }),
    });
  assert.equal((await expect(ben)).status, 403, 'view may not act');
  assert.equal(
    (await expect(anna, { 'content-type': 'application/json' })).status,
    403,
    'not from another page',
  );
  assert.equal((await expect(anna)).status, 200);
  const repull = (cookie: string, headers: Record<string, string>): Promise<Response> =>
    ask('/api/hours/access/web1/2026112216/repull', { method: 'POST', headers: { ...headers, cookie } });
  const own = { 'x-logd-request': '1' };
  assert.equal((await repull(ben, own)).status, 403, 'view may not have packs sent again');
  assert.equal((await repull(anna, {})).status, 403, 'not from another page');
  assert.equal((await repull(anna, own)).status, 502, 'allowed; there is no sink');
  const { actions } = (await (await ask('/api/actions', { headers: { cookie: anna } })).json()) as {
    readonly actions: readonly { readonly name: string; readonly action: string }[];
  };
  assert.ok(actions.some(({ name, action }) => name === 'anna' && action === 'expect'));

  assert.equal(
    (await ask('/api/session', { method: 'DELETE', headers: { 'x-logd-request': '1', cookie: ben } })).status,
    200,
  );
  assert.equal((await ask('/api/nodes', { headers: { cookie: ben } })).status, 401, 'signed out');

  const tries = [];
  for (let n = 0; n < 12; n++) tries.push((await signIn('mallory', `guess ${n} of many`)).status);
  assert.ok(tries.includes(429), tries.join());
  for (const path of [
    '/../package.json',
    '/..%2f..%2fpackage.json',
    '/assets/..%2f..%2f..%2fpackage.json',
    '/%00',
    '/api/hours/..%2f/x/y',
  ])
    assert.notEqual((await ask(path, { headers: { cookie: anna } })).status, 200, path);
  for (const query of [
    'zoom=years',
    'from=1',
    'from=2026112299',
    'from=2026112216&to=2026112215',
    `stream=${'x'.repeat(999)}`,
  ])
    assert.equal(
      (await ask(`/api/completeness/states?${query}`, { headers: { cookie: anna } })).status,
      400,
      query,
    );
});
