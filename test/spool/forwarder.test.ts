import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from '../../src/pack/answer.ts';
import { MOST_HOPS, type Pack } from '../../src/pack/pack.ts';
import { createForwarder } from '../../src/spool/forwarder.ts';
import { openSpool } from '../../src/spool/spool.ts';
import { systemClock } from '../../src/telemetry/clock.ts';
import type { EventName } from '../../src/telemetry/events.ts';
import { packOf } from './spooled-packs.ts';

const ACK: Answer = { kind: 'ack' };
const REFUSED: Answer = { kind: 'nack', code: 'conflict', message: 'other bytes', retryable: false };

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await sleep(1);
};

const begin = async (
  context: TestContext,
  options: { patience?: number; bytes?: number; dir?: string } = {},
) => {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'logd-forward-')));
  context.after(() => rm(dir, { recursive: true, force: true }));
  const said: EventName[] = [];
  const emit = (name: EventName): void => void said.push(name);
  const spool = await openSpool({
    dir,
    bytes: options.bytes ?? 16 << 20,
    age: 1e9,
    clock: systemClock,
    emit,
  });
  const got: Pack[] = [];
  const waiting: ((answer: Answer) => void)[] = [];
  const next = {
    connected: true,
    answer: (_pack: Pack): Answer | undefined => ACK,
    send: (pack: Pack): Promise<Answer> => {
      // The forwarder may free the body once it is answered.
      got.push({ header: pack.header, body: Buffer.from(pack.body) });
      const now = next.answer(pack);
      return now === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(now);
    },
  };
  const forwarder = createForwarder({
    ...{ node: 'relay1', spool, spoolDir: dir, next, patience: options.patience ?? 20, memory: 1 << 20 },
    ...{ clock: systemClock, emit },
  });
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    await forwarder[Symbol.asyncDispose]();
    await spool[Symbol.asyncDispose]();
  };
  context.after(close);
  const ids = (): number[] => got.map(({ header }) => header.id);
  return { dir, said, spool, got, ids, waiting, next, forwarder, close };
};

const pack = (id: number, more: Partial<Pack['header']> = {}): Pack =>
  packOf(id, Buffer.from(`pack ${id}\n`), more);

describe('forwarder', () => {
  it('passes the answer of the next hop back, adds its hop to the route, and spools nothing', async (context) => {
    const { forwarder, next, got, spool } = await begin(context);
    assert.deepEqual(await forwarder.put(pack(1)), ACK);
    next.answer = () => REFUSED;
    assert.deepEqual(await forwarder.put(pack(2)), REFUSED);
    assert.equal(got[0]?.header.route?.at(-1)?.node, 'relay1');
    assert.equal(got[0]?.body.toString(), 'pack 1\n');
    assert.equal(spool.status().packs, 0);
  });

  it('acks from the spool when the next hop is slow, and sends the pack once', async (context) => {
    const { forwarder, next, ids, waiting, spool, said } = await begin(context, { patience: 5 });
    next.answer = () => undefined;
    assert.deepEqual(await forwarder.put(pack(1)), ACK);
    assert.equal(spool.status().packs, 1);
    waiting[0]?.(ACK);
    await until(() => spool.status().packs === 0);
    assert.deepEqual(ids(), [1]);
    assert.ok(said.includes('spool.taking-over'));
  });

  it('spools while the next hop is away, and drains in order when it is there', async (context) => {
    const first = await begin(context);
    first.next.connected = false;
    first.next.answer = () => undefined;
    for (const id of [1, 2, 3, 4]) assert.deepEqual(await first.forwarder.put(pack(id)), ACK);
    await first.close();
    const second = await begin(context, { dir: first.dir });
    await until(() => second.spool.status().packs === 0);
    assert.deepEqual(second.ids(), [1, 2, 3, 4], 'what was acked is sent after a restart');
    assert.equal(second.forwarder.status().forwarded, 4);
  });

  it('keeps what is refused after its own ack, and shows it', async (context) => {
    const { forwarder, next, dir, said, spool } = await begin(context);
    next.connected = false;
    next.answer = () => REFUSED;
    assert.deepEqual(await forwarder.put(pack(1)), ACK);
    await until(() => spool.status().packs === 0);
    assert.equal(forwarder.status().refused, 1);
    assert.ok(said.includes('spool.pack-refused'));
    assert.equal((await readdir(join(dir, 'refused'))).length > 0, true);
  });

  it('refuses what comes round in a circle, or over too many relays', async (context) => {
    const { forwarder, got } = await begin(context);
    const hop = (node: string) => ({ node, received: 0, sent: 0 });
    const circle = await forwarder.put(pack(1, { route: [hop('relay1')] }));
    assert.match(circle.kind === 'nack' ? circle.message : '', /in a circle/);
    const far = await forwarder.put(
      pack(2, { route: Array.from({ length: MOST_HOPS }, (_, n) => hop(`r${n}`)) }),
    );
    assert.equal(far.kind === 'nack' && !far.retryable, true);
    assert.equal(got.length, 0);
  });
});
