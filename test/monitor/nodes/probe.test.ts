/** Heartbeats of both kinds of nodes, and of what is neither. */
import assert from 'node:assert/strict';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { freePort } from '../../roles/free-port.ts';
import { probe } from '../../../src/monitor/nodes/probe.ts';

const STATUS = { node: 'n1', version: '1', startedAt: 0, now: 70_000, roles: [] };
const options = { timeoutMs: 400, token: 'the token', now: () => 10_000 };
const nodeAt = (port: number, name?: string) => ({
  ...{ ip: '127.0.0.1', port, role: '', hostname: '', registeredAt: 0 },
  ...(name !== undefined && { name }),
});

/** Runs a job beside a server that does this with each connection. */
const beside = async (
  onSocket: (socket: Socket) => void,
  job: (port: number) => Promise<void>,
): Promise<void> => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  try {
    await job(typeof bound === 'object' && bound !== null ? bound.port : 0);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
};

describe('a heartbeat', () => {
  it('of one of ours has its status, and how wrong its clock is; with the token', async () => {
    const asked: (string | undefined)[] = [];
    const server = createHttpServer((request, response) => {
      asked.push(request.headers.authorization);
      response.end(JSON.stringify(STATUS));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { readonly port: number };
    for (const name of ['n1', undefined])
      assert.deepEqual(await probe(nodeAt(port, name), options), {
        ...{ kind: 'status', status: STATUS, clockSkewMs: 60_000 },
      });
    assert.deepEqual(asked, ['Bearer the token', 'Bearer the token']);
    server.closeAllConnections();
    server.close();
  });

  it('of a Go node is exactly "!"', () =>
    beside(
      (socket) => socket.end('!'),
      async (port) => assert.deepEqual(await probe(nodeAt(port), options), { kind: 'alive' }),
    ));

  for (const [what, onSocket, name] of [
    ['says something else', (socket) => socket.end('!!'), undefined],
    ['closes at once', (socket) => socket.end(), undefined],
    ['never answers', () => undefined, 'n1'],
    ['never answers, and its kind is not known', () => undefined, undefined],
    ['sends for ever', (socket) => void socket.write('HTTP/1.1 200 OK\r\n\r\n'), 'n1'],
    ['sends too much', (socket) => void socket.write(`HTTP/1.1 200 OK\r\n\r\n${' '.repeat(3 << 20)}`), 'n1'],
    ['is no logd', (socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'), 'n1'],
    ['refuses the token', (socket) => void socket.end('HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n'), 'n1'],
  ] as readonly (readonly [string, (socket: Socket) => void, string | undefined])[])
    it(`is missing where the other end ${what}`, () =>
      beside(onSocket, (port) =>
        assert.rejects(probe(nodeAt(port, name), options), { code: 'unreachable' }),
      ));

  it('is missing where nobody listens', async () =>
    assert.rejects(probe(nodeAt(await freePort(), 'n1'), options), /ECONNREFUSED/));
});
