/** A monitor with real nodes: they register, beat, report, are killed and come back; hours are followed; a dead monitor disturbs nobody. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { test } from 'node:test';
import { freePort } from '../roles/free-port.ts';
import type {
  AlertsAnswer,
  EventsAnswer,
  HourAnswer,
  NodesAnswer,
  StatesAnswer,
  VerdictAnswer,
} from '../../src/monitor/api/schemas.ts';
import { assertSealedEqual } from './compare.ts';
import { linesOf } from './lines.ts';
import { onRig, type Rig } from './rig.ts';

const HOUR = '2026112216';

interface MonitorRig {
  readonly rig: Rig;
  readonly url: string;
  get<T>(path: string): Promise<T>;
}

/** A monitor, a sink and an agent, all with an HTTP listener. */
const monitored = async (rig: Rig, settings: object = {}): Promise<MonitorRig> => {
  const [port, sinkHttp, agentHttp] = [await freePort(), await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const report = { to: url };
  await rig.configure('mon1', {
    monitor: { listen: `127.0.0.1:${port}`, check_interval: '1s', timeout: '2s', misses: '2', ...settings },
  });
  const sink = {
    ...{ listen: `127.0.0.1:${rig.port}`, ledger: { path: rig.path('ledger.db') } },
    ...{ markers: { dir: rig.path('received') }, store: { kind: 'file', dir: rig.path('stored') } },
  };
  await rig.configure('sink', { http: { listen: `127.0.0.1:${sinkHttp}` }, report, sink });
  await rig.configureAgent({
    host: 'web1',
    streams: ['access'],
    top: { http: { listen: `127.0.0.1:${agentHttp}` }, report },
  });
  const get = async <T>(path: string): Promise<T> => {
    const response = await fetch(`${url}${path}`);
    assert.equal(response.status, 200, await response.clone().text());
    return (await response.json()) as T;
  };
  return { rig, url, get };
};

const nodesOf = async ({ get }: MonitorRig) =>
  new Map((await get<NodesAnswer>('/api/nodes')).nodes.map((node) => [node.name, node]));

test('nodes register, beat, are missed when they are killed, and come back; hours are followed', (t) =>
  onRig(t, async (rig) => {
    const monitor = await monitored(rig);
    await rig.start('mon1');
    await rig.start('sink');
    const agent = await rig.start('web1');
    await rig.sources.write('web1', 'access', HOUR, linesOf('a', 0, 500));
    await rig.sealed();
    const day = `from=2026112200&to=2026112223`;
    await rig.until('the monitor knows that the hour is sealed', async () => {
      const { counts } = await monitor.get<StatesAnswer>(`/api/completeness/states?${day}`);
      return counts['S'] === 1;
    });
    const hourNow = (): Promise<HourAnswer> => monitor.get<HourAnswer>(`/api/hours/access/web1/${HOUR}`);
    await rig.until('its marker is delivered', async () =>
      (await hourNow()).outputs.some(({ output, done }) => output === 'markers' && done),
    );
    const hour = await hourNow();
    assert.equal(hour.state, 'S');
    assert.equal(hour.seal?.lines, 500);
    assert.equal(hour.sink, 'sink');
    assert.ok(hour.packs.length > 0);

    await rig.until('both nodes have beaten', async () =>
      [...(await nodesOf(monitor)).values()].every(({ beats }) => beats.includes('a')),
    );
    agent.signal('SIGKILL');
    await agent.ended;
    await rig.until('the agent is down', async () => (await nodesOf(monitor)).get('web1')?.down === true);
    await rig.until('there is an alert of it', async () => {
      const { open } = await monitor.get<AlertsAnswer>('/api/alerts');
      return open.some(({ key }) => key === 'node/web1');
    });
    assert.match(
      (await monitor.get<VerdictAnswer>('/api/verdict')).sentences.join(' '),
      /web1 does not answer|sealed/,
    );
    const again = await rig.start('web1');
    await rig.until('the agent is back', async () => (await nodesOf(monitor)).get('web1')?.down === false);
    await rig.until('its alert is resolved', async () => {
      const { history } = await monitor.get<AlertsAnswer>('/api/alerts');
      return history.some(({ key, resolvedAt }) => key === 'node/web1' && resolvedAt !== undefined);
    });
    await again.end('SIGTERM');
    await rig.until('a clean stop deregisters', async () => !(await nodesOf(monitor)).has('web1'));
  }));

test('warnings wait at a node while the monitor is away, and shipping goes on', (t) =>
  onRig(t, async (rig) => {
    const monitor = await monitored(rig);
    // Neither monitor nor sink: the agent has something to warn about, and nobody to tell.
    const agent = await rig.start('web1');
    await agent.event('send.disconnected');
    await agent.event('report.away');
    await rig.start('sink');
    await rig.sources.write('web1', 'access', HOUR, linesOf('a', 0, 100));
    await rig.sealed();
    await assertSealedEqual(rig);
    await agent.end('SIGTERM');
    await rig.start('web1');
    await rig.start('mon1');
    await rig.until('the warnings of before have come', async () => {
      const { events } = await monitor.get<EventsAnswer>('/api/events?node=web1');
      return events.some(({ event, level }) => event === 'send.disconnected' && level === 'warn');
    });
  }));

test('alerts go to a webhook, together, and say when they are over', (t) =>
  onRig(t, async (rig) => {
    const messages: { readonly opened: string[]; readonly resolved: string[] }[] = [];
    const hook = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        messages.push(JSON.parse(body) as (typeof messages)[number]);
        response.end();
      });
    }).listen(0, '127.0.0.1');
    t.after(() => hook.close());
    await once(hook, 'listening');
    const { port } = hook.address() as { readonly port: number };
    const monitor = await monitored(rig, {
      alerts: { webhook: `http://127.0.0.1:${port}/`, gather: '0s', least_pause: '0s' },
    });
    await rig.start('mon1');
    const sink = await rig.start('sink');
    await rig.until(
      'it is registered',
      async () => (await nodesOf(monitor)).get('sink')?.beats.includes('a') === true,
    );
    sink.signal('SIGSTOP');
    await rig.until('an alert came', () =>
      messages.some(({ opened }) => opened.join().includes('sink does not answer')),
    );
    sink.signal('SIGCONT');
    await rig.until('it is over', () =>
      messages.some(({ resolved }) => resolved.join().includes('sink does not answer')),
    );
  }));
