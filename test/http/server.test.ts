import assert from 'node:assert/strict';
import { request } from 'node:http';
import { describe, it } from 'node:test';
import { type HttpServerOptions, listenHttp } from '../../src/http/server.ts';
import { NO_LAG, type NodeStatus, type RoleStatus } from '../../src/telemetry/status.ts';

const role: RoleStatus = {
  ...{ role: 'sink', state: 'running', startedAt: 1_000, lag: NO_LAG },
  throughput: { packs: 3, lines: 40, bytes: 500, packsPerSecond: 1, linesPerSecond: 2, bytesPerSecond: 3 },
  ...{ openHours: [], openHourCount: 2, errors: [] },
  parts: [{ kind: 'output', name: 'we"ird\n', state: 'degraded', lag: { bytes: 7, seconds: 1.5 } }],
  gauges: [{ name: 'in_flight_bytes', help: 'Bytes in flight', value: 12, limit: 64 }],
};
const STATUS: NodeStatus = { node: 'n1', version: '0.1.0', startedAt: 1_000, now: 61_000, roles: [role] };
const TOKEN = 'a-token-of-enough-letters';

const served = async (
  more: Partial<HttpServerOptions>,
  job: (get: (path: string, headers?: Record<string, string>) => Promise<Response>) => Promise<void>,
): Promise<void> => {
  await using server = await listenHttp({
    ...{ listen: { host: '127.0.0.1', port: 0 }, status: () => STATUS, now: () => 61_000 },
    events: new Map([['seal.sealed', { level: 'info', count: 5 }]]),
    ...more,
  });
  await job((path, headers = {}) => fetch(`http://127.0.0.1:${server.address.port}${path}`, { headers }));
};

describe('the HTTP listener of a node', () => {
  it('says that it lives, is ready, and all that status() says', () =>
    served({}, async (get) => {
      assert.deepEqual(await (await get('/health')).json(), { status: 'ok' });
      assert.deepEqual(await (await get('/ready')).json(), { ready: true, faults: [] });
      assert.deepEqual(await (await get('/status')).json(), STATUS);
      assert.equal((await get('/nothing')).status, 404);
    }));

  it('changes nothing for a web page of this machine: our header and a host of loopback are needed', () => {
    const more: HttpServerOptions['more'] = (app) => void app.post('/act', () => ({ ok: true }));
    return served({ more }, async (get) => {
      const { port } = new URL((await get('/health')).url);
      const act = (headers: Record<string, string>): Promise<number> =>
        new Promise((resolve, reject) => {
          request({ host: '127.0.0.1', port, method: 'POST', path: '/act', headers })
            .on('response', (answer) => resolve(answer.resume().statusCode ?? 0))
            .on('error', reject)
            .end();
        });
      assert.equal(await act({}), 403);
      assert.equal(await act({ 'x-logd-request': '1', host: `rebound.example:${port}` }), 403);
      assert.equal(await act({ 'x-logd-request': '1' }), 200);
    });
  });

  it('makes metrics of it', () =>
    served({}, async (get) => {
      const text = await (await get('/metrics')).text();
      for (const line of [
        'logd_info{node="n1",version="0.1.0"} 1',
        'logd_uptime_seconds 60',
        'logd_lines_total{role="sink"} 40',
        'logd_in_flight_bytes{role="sink"} 12',
        'logd_in_flight_bytes_limit{role="sink"} 64',
        'logd_part_lag_seconds{role="sink",kind="output",name="we\\"ird\\n"} 1.5',
        'logd_events_total{event="seal.sealed",level="info"} 5',
        '# TYPE logd_events_total counter',
      ])
        assert.ok(text.includes(`${line}\n`), `${line} in ${text}`);
    }));

  it('is not ready while a role has a fault, and says which', () => {
    const faulty: RoleStatus = { ...role, state: 'degraded', reason: 'No connection.' };
    return served({ status: () => ({ ...STATUS, roles: [faulty] }) }, async (get) => {
      const answer = await get('/ready');
      assert.equal(answer.status, 503);
      assert.deepEqual(await answer.json(), { ready: false, faults: ['sink is degraded: No connection.'] });
    });
  });

  it('asks for the token where it has one, but for the probes', () =>
    served({ tokens: () => Promise.resolve([TOKEN]) }, async (get) => {
      assert.equal((await get('/health')).status, 200);
      assert.equal((await get('/ready?x=1')).status, 200);
      for (const path of ['/status', '/metrics', '//health', '/health/../status'])
        assert.notEqual((await get(path)).status, 200, path);
      assert.equal((await get('/status', { authorization: 'Bearer wrong' })).status, 401);
      assert.equal((await get('/status', { authorization: `Bearer ${TOKEN}` })).status, 200);
    }));

  it('says which address it cannot have', () =>
    served({}, async () => {
      await assert.rejects(
        listenHttp({
          ...{
            listen: { host: '192.0.2.1', port: 1 },
            status: () => STATUS,
            now: () => 0,
            events: new Map(),
          },
        }),
        { code: 'unreachable', message: /http\.listen/ },
      );
    }));
});
