/** Whoever looks gets lines and a count of the others; whoever is slow, or many, costs the data path nothing. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { listenHttp } from '../../src/http/server.ts';
import { createTap, type Tap, type TappedLines } from '../../src/http/tap.ts';
import { encode } from '../../src/pack/codec.ts';
import type { Pack } from '../../src/pack/pack.ts';
import { countLines } from '../../src/pack/survey.ts';

const packOf = async (text: string, more: Partial<Pack['header']> = {}): Promise<Pack> => {
  const raw = Buffer.from(text);
  const codec = more.codec ?? 'zstd';
  const header = {
    ...{ host: 'web1', stream: 'access', hour: '2026112216', id: 1, generation: 1, offset: 0 },
    ...{ bytes: raw.length, lines: countLines(raw), checksum: 0, sha256: '', time: 0, ...more, codec },
  };
  return { header, body: codec === 'none' ? raw : await encode(raw, 'zstd', 1) };
};

interface TapRig {
  readonly tap: Tap;
  readonly port: number;
  get(query: string): Promise<Response>;
  pass(ms: number): void;
}

const withTap = async (job: (rig: TapRig) => Promise<void>): Promise<void> => {
  let now = 0;
  const tap = createTap({ monotonic: () => now });
  await using server = await listenHttp({
    ...{ listen: { host: '127.0.0.1', port: 0 }, events: new Map(), now: () => 0 },
    status: () => ({ node: 'n', version: '1', startedAt: 0, now: 0, roles: [] }),
    more: (app) => tap.addRoutes(app),
  });
  const { port } = server.address;
  await job({
    ...{ tap, port },
    get: (query) => fetch(`http://127.0.0.1:${port}/tap?${query}`),
    pass: (ms) => void (now += ms),
  });
};

/** The next objects of a reader. */
const objects = ({ body }: Response): (() => Promise<TappedLines>) => {
  const lines = createInterface({ input: Readable.fromWeb(body as never) })[Symbol.asyncIterator]();
  return async () => JSON.parse((await lines.next()).value as string) as TappedLines;
};

describe('the tap of a node', () => {
  it('shows lines of the stream and host that is asked for, compressed or not', () =>
    withTap(async ({ tap, get }) => {
      const next = objects(await get('stream=access&host=web1'));
      tap.offer('sink', await packOf('other host\n', { host: 'web2' }));
      tap.offer('sink', await packOf('other stream\n', { stream: 'errors' }));
      tap.offer('sink', await packOf('a\nb ü\nwithout newline'));
      const about = { role: 'sink', host: 'web1', stream: 'access', hour: '2026112216', skipped: 0 };
      assert.deepEqual(await next(), { ...about, lines: ['a', 'b ü', 'without newline'] });
      tap.offer('sink', await packOf('plain\n', { codec: 'none' }));
      assert.deepEqual(await next(), { ...about, lines: ['plain'] });
      // The same lines as another role of this node has them.
      tap.offer('agent', await packOf('twice\n'));
      tap.offer('sink', await packOf('once\n'));
      assert.deepEqual((await next()).lines, ['once']);
    }));

  it('shows no more than its budget, says how many lines were skipped, and goes on', () =>
    withTap(async ({ tap, get, pass }) => {
      const next = objects(await get('stream=access'));
      const big = await packOf(`${'x'.repeat(1023)}\n`.repeat(3 << 10));
      tap.offer('sink', big);
      assert.equal((await next()).lines.length, 3 << 10);
      tap.offer('sink', big);
      tap.offer('sink', big);
      pass(1000);
      tap.offer('sink', await packOf('again\n'));
      const after = await next();
      assert.deepEqual([after.lines, after.skipped], [['again'], 2 * (3 << 10)]);
    }));

  it('keeps little for a reader that does not read, and forgets one that goes', () =>
    withTap(async ({ tap, get, port, pass }) => {
      const slow = connect({ host: '127.0.0.1', port });
      slow.on('error', () => undefined);
      slow.write('GET /tap?stream=access HTTP/1.1\r\nhost: x\r\n\r\n');
      await new Promise<void>((resolve) => slow.once('data', () => resolve()));
      slow.pause();
      const next = objects(await get('stream=access'));
      const big = await packOf(`${'x'.repeat(1023)}\n`.repeat(1 << 10));
      // One MiB each: far more than the kernel and we keep for the slow one. The other one gets them all.
      for (let n = 0; n < 40; n++) {
        pass(1000);
        tap.offer('sink', big);
        assert.equal((await next()).lines.length, 1 << 10);
      }
      slow.destroy();
    }));

  it('wants a name, and lets few look', () =>
    withTap(async ({ get }) => {
      assert.equal((await get('')).status, 400);
      assert.equal((await get('stream=../x')).status, 400);
      for (let n = 0; n < 8; n++) assert.equal((await get('stream=access')).status, 200);
      assert.equal((await get('stream=access')).status, 429);
    }));
});
