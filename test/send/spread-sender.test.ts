import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LogdError } from '../../src/error.ts';
import type { Answer } from '../../src/pack/answer.ts';
import { createSpreadSender } from '../../src/send/spread-sender.ts';
import { systemClock } from '../../src/telemetry/clock.ts';
import type { Upstream } from '../../src/transport/transport.ts';
import { packOf } from '../spool/spooled-packs.ts';

const LIMITS = { windowPacks: 8, windowBytes: 1 << 20, bodyBytes: 1 << 20, rawBytes: 1 << 20 };
const ACK: Answer = { kind: 'ack' };
const NAMES = ['a:1', 'b:1', 'c:1'] as const;

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await sleep(1);
};

/** A receiver that can be away, and can keep silent about packs. */
const receiver = (name: string) => {
  const came: string[] = [];
  const upstreams: Upstream[] = [];
  let cutNow: (() => void) | undefined;
  const state = { isAway: false, isSilent: false };
  const connect = async (): Promise<Upstream> => {
    if (state.isAway) throw new LogdError('unreachable', 'It is away.', { retryable: true });
    const ended = Promise.withResolvers<LogdError>();
    const waiting = new Set<(error: LogdError) => void>();
    const end = (error: LogdError): void => {
      for (const fail of waiting) fail(error);
      waiting.clear();
      ended.resolve(error);
    };
    cutNow = () => end(new LogdError('unreachable', 'It broke.', { retryable: true }));
    const upstream: Upstream = {
      ...{ node: name, limits: LIMITS, ended: ended.promise },
      send: ({ header: { host, id } }) => {
        came.push(`${host}/${id}`);
        if (!state.isSilent) return Promise.resolve(ACK);
        return new Promise((_, fail) => waiting.add(fail));
      },
      [Symbol.asyncDispose]: async () => end(new LogdError('closed', 'Closed here.')),
    };
    upstreams.push(upstream);
    return upstream;
  };
  return {
    ...{ name, came, upstreams, connect, state },
    leave(): void {
      state.isAway = true;
      cutNow?.();
    },
  };
};

const begin = async (context: TestContext) => {
  const receivers = NAMES.map(receiver);
  const sender = createSpreadSender({
    upstreams: receivers.map(({ name, connect }) => ({ name, weight: 1, connect })),
    retry: { min: 1, max: 4 },
    slowStart: 0,
    clock: systemClock,
    emit: () => undefined,
  });
  context.after(() => sender[Symbol.asyncDispose]());
  await until(() => receivers.every(({ upstreams }) => upstreams.length > 0));
  await sleep(1);
  const send = (host: string, id: number, via?: Upstream): Promise<Answer> =>
    sender.send(packOf(id, Buffer.from('x'), { host }), via);
  const takerOf = (host: string) =>
    receivers.filter(({ came }) => came.some((one) => one.startsWith(`${host}/`)));
  return { receivers, sender, send, takerOf };
};

describe('spread sender', () => {
  it('keeps each host to one upstream, and spreads hosts over all', async (context) => {
    const { receivers, send, takerOf } = await begin(context);
    for (let n = 0; n < 60; n++) for (const id of [1, 2, 3]) await send(`web${n}`, id);
    for (let n = 0; n < 60; n++) assert.equal(takerOf(`web${n}`).length, 1, `web${n}`);
    for (const { name, came } of receivers) assert.ok(came.length > 15, `${name} has ${came.length}`);
  });

  it('moves what is unanswered, in order, when its upstream goes, and returns with new packs', async (context) => {
    const { receivers, send, takerOf } = await begin(context);
    await send('web1', 1);
    const [own] = takerOf('web1');
    own!.state.isSilent = true;
    const answers = [2, 3, 4].map((id) => send('web1', id));
    await until(() => own!.came.length === 4);
    own!.leave();
    assert.deepEqual(await Promise.all(answers), [ACK, ACK, ACK]);
    const other = receivers.find((one) => one !== own && one.came.length > 0);
    assert.deepEqual(other?.came, ['web1/2', 'web1/3', 'web1/4']);
    Object.assign(own!.state, { isAway: false, isSilent: false });
    const before = own!.upstreams.length;
    await until(() => own!.upstreams.length > before);
    await until(() => own!.upstreams.length > 0);
    await sleep(1);
    await send('web1', 5);
    assert.equal(own!.came.at(-1), 'web1/5');
  });

  it('keeps packs while all are away, and sends them in order when one is back', async (context) => {
    const { receivers, sender, send } = await begin(context);
    for (const one of receivers) one.leave();
    await until(() => !sender.connected);
    const answers = [1, 2, 3, 4, 5].map((id) => send('web1', id));
    await sleep(5);
    assert.equal(sender.queued, 5);
    receivers[1]!.state.isAway = false;
    assert.deepEqual(await Promise.all(answers), Array(5).fill(ACK));
    assert.deepEqual(
      receivers[1]!.came,
      [1, 2, 3, 4, 5].map((id) => `web1/${id}`),
    );
  });

  it('sends a pack over the connection that it was wanted on, as long as that is there', async (context) => {
    const { receivers, send, takerOf } = await begin(context);
    await send('web1', 1);
    const [own] = takerOf('web1');
    const asker = receivers.find((one) => one !== own)!;
    await send('web1', 2, asker.upstreams.at(-1));
    assert.deepEqual(asker.came, ['web1/2']);
    const gone = asker.upstreams.at(-1);
    asker.leave();
    await sleep(5);
    await send('web1', 3, gone);
    assert.equal(own!.came.at(-1), 'web1/3');
  });

  it('rejects what is not answered when it is closed', async (context) => {
    const { receivers, sender, send } = await begin(context);
    for (const one of receivers) one.leave();
    await until(() => !sender.connected);
    const fate = send('web1', 1).catch((error: unknown) => (error as LogdError).code);
    await sender[Symbol.asyncDispose]();
    assert.equal(await fate, 'closed');
  });
});
