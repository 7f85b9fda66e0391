import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { LogdError } from '../../src/error.ts';
import type { Pack } from '../../src/pack/pack.ts';
import { createSender, type Sender } from '../../src/send/sender.ts';
import type { Answer } from '../../src/pack/answer.ts';
import type { PeerLimits, Upstream } from '../../src/transport/transport.ts';

const DEADLINE_MS = 60_000;
const until = async (condition: () => boolean, what: string): Promise<void> => {
  for (const start = performance.now(); !condition(); await sleep(1))
    assert.ok(performance.now() - start < DEADLINE_MS, `waited in vain until ${what}`);
};

const LIMITS: PeerLimits = { windowPacks: 4, windowBytes: 1000, bodyBytes: 500, rawBytes: 800 };

const packOf = (id: number, size = 10, bytes = size): Pack => ({
  header: {
    ...{ host: 'web1', stream: 'access', hour: '2026112216', id, generation: 1, offset: 0, bytes, lines: 0 },
    ...{ checksum: 0, sha256: 'ab'.repeat(32), codec: 'none', time: 0 },
  },
  body: Buffer.alloc(size),
});

interface Line {
  /** Ids as they came. */
  readonly came: number[];
  /** Names of their sendings. */
  readonly sendings: (string | undefined)[];
  readonly unanswered: Map<number, (answer: Answer) => void>;
  answer(id: number, answer?: Answer): void;
  /** The connection breaks. */
  cut(): void;
}

/** A receiver whose connections the test sees, answers and breaks; it counts what is on its way against the window. */
const receiver = (limits = LIMITS) => {
  const lines: Line[] = [];
  const wrong: string[] = [];
  let refuse: LogdError | undefined;
  let tries = 0;
  let onPack: (line: Line, id: number) => void = () => undefined;

  const connect = async (signal: AbortSignal): Promise<Upstream> => {
    tries++;
    if (refuse !== undefined) throw refuse;
    if (signal.aborted) throw new LogdError('closed', 'Called off.');
    const ended = Promise.withResolvers<LogdError>();
    const waiting = new Map<
      number,
      { size: number; answer: (a: Answer) => void; fail: (e: LogdError) => void }
    >();
    let over: LogdError | undefined;
    const end = (error: LogdError): void => {
      over ??= error;
      for (const { fail } of waiting.values()) fail(error);
      waiting.clear();
      ended.resolve(error);
    };
    const line: Line = {
      came: [],
      sendings: [],
      get unanswered() {
        return new Map([...waiting].map(([id, { answer }]) => [id, answer]));
      },
      answer: (id, answer = { kind: 'ack' }) => waiting.get(id)!.answer(answer),
      cut: () => end(new LogdError('unreachable', 'The connection broke.', { retryable: true })),
    };
    lines.push(line);
    return {
      node: 'sink1',
      limits,
      ended: ended.promise,
      send: ({ header: { id }, body }, sending) => {
        if (over !== undefined) return Promise.reject(over);
        return new Promise((resolve, fail) => {
          const answer = (value: Answer): void => {
            waiting.delete(id);
            resolve(value);
          };
          waiting.set(id, { size: body.length, answer, fail });
          const bytes = [...waiting.values()].reduce((sum, { size }) => sum + size, 0);
          if (waiting.size > limits.windowPacks) wrong.push(`${waiting.size} packs on their way`);
          if (waiting.size > 1 && bytes > limits.windowBytes) wrong.push(`${bytes} bytes on their way`);
          line.came.push(id);
          line.sendings.push(sending);
          onPack(line, id);
        });
      },
      [Symbol.asyncDispose]: async () => end(new LogdError('closed', 'Closed here.')),
    };
  };
  return {
    ...{ lines, wrong, connect },
    tries: () => tries,
    refuse: (error: LogdError | undefined) => (refuse = error),
    onPack: (act: typeof onPack) => (onPack = act),
    last: (): Line => lines.at(-1)!,
  };
};

type Receiver = ReturnType<typeof receiver>;

const begin = (context: TestContext, to: Receiver, retry = { min: 1, max: 4 }) => {
  const events: string[] = [];
  const sender = createSender({
    address: 'sink1:1',
    connect: to.connect,
    retry,
    emit: (name) => events.push(name),
  });
  context.after(() => sender[Symbol.asyncDispose]());
  return { sender, events };
};

/** What becomes of a pack: its answer, or the code of the error. */
const fate = (sender: Sender, pack: Pack): Promise<Answer | string> =>
  sender.send(pack).catch((error: unknown) => (error instanceof LogdError ? error.code : String(error)));

const ACK: Answer = { kind: 'ack' };
const nack = (retryable: boolean): Answer => ({ kind: 'nack', code: 'storage', message: 'no', retryable });

describe('sender', () => {
  it('keeps the name of a sending over connections, and takes another after an answer', async (context) => {
    const to = receiver();
    const { sender } = begin(context, to);
    to.onPack((line, id) => {
      if (to.lines.length === 1) line.cut();
      else if (to.lines.length === 2 && line.came.length === 1)
        line.answer(id, { kind: 'nack', code: 'storage', message: 'full', retryable: true });
      else line.answer(id);
    });
    await sender.send(packOf(1));
    await sender.send(packOf(1));
    const [first, again, afterNack, later] = to.lines.flatMap(({ sendings }) => sendings);
    assert.equal(first, again);
    assert.equal(new Set([first, afterNack, later]).size, 3);
  });

  it('says that nothing was stored for a minute, and when it is again', async (context) => {
    context.mock.timers.enable({ apis: ['setInterval'] });
    const to = receiver();
    const { sender, events } = begin(context, to);
    let isFull = true;
    to.onPack((line, id) => line.answer(id, isFull ? nack(true) : ACK));
    const sent = sender.send(packOf(1));
    await until(() => events.includes('send.pack-deferred'), 'it is deferred');
    context.mock.timers.tick(60_000);
    assert.deepEqual(
      events.filter((name) => name.includes('stored')),
      ['send.not-stored'],
    );
    isFull = false;
    await sent;
    assert.deepEqual(
      events.filter((name) => name.includes('stored')),
      ['send.not-stored', 'send.stored-again'],
    );
  });

  it('keeps the order, and sends no more than the window holds', async (context) => {
    const to = receiver();
    const { sender } = begin(context, to);
    const fates = [1, 2, 3, 4, 5, 6].map((id) => fate(sender, packOf(id)));
    await until(() => to.last()?.came.length === 4, 'the window is full');
    to.last().answer(2);
    await until(() => to.last().came.length === 5, 'an answer makes room');
    for (const id of [1, 3, 4, 5]) to.last().answer(id);
    await until(() => to.last().came.length === 6, 'all are sent');
    to.last().answer(6);
    assert.deepEqual(await Promise.all(fates), Array(6).fill(ACK));
    assert.deepEqual(to.last().came, [1, 2, 3, 4, 5, 6]);
    assert.deepEqual(to.wrong, []);
  });
  it('counts the bytes of the window; a pack larger than it travels alone', async (context) => {
    const to = receiver({ ...LIMITS, windowBytes: 300 });
    const { sender } = begin(context, to);
    const fates = [200, 100, 400, 10].map((size, n) => fate(sender, packOf(n + 1, size)));
    await until(() => to.last()?.came.length === 2, 'two fit');
    to.last().answer(1);
    await sleep(5);
    assert.equal(to.last().came.length, 2);
    to.last().answer(2);
    await until(() => to.last().came.length === 3, 'the large one is alone');
    await sleep(5);
    assert.equal(to.last().came.length, 3);
    to.last().answer(3);
    await until(() => to.last().came.length === 4, 'the rest follows');
    to.last().answer(4);
    await Promise.all(fates);
    assert.deepEqual(to.wrong, []);
  });
  it('a pack that may come again waits, and the others go on', async (context) => {
    const to = receiver();
    const { sender, events } = begin(context, to);
    let refusals = 3;
    to.onPack((line, id) =>
      setImmediate(() => line.answer(id, id === 1 && refusals-- > 0 ? nack(true) : ACK)),
    );
    const fates = await Promise.all([1, 2, 3].map((id) => fate(sender, packOf(id))));
    assert.deepEqual(fates, Array(3).fill(ACK));
    assert.deepEqual(
      to.last().came.filter((id) => id === 1),
      [1, 1, 1, 1],
    );
    assert.equal(events.filter((name) => name === 'send.pack-deferred').length, 3);
  });
  it('a refusal for good is handed on, and never sent again', async (context) => {
    const to = receiver();
    const { sender } = begin(context, to);
    to.onPack((line, id) => line.answer(id, id === 1 ? nack(false) : ACK));
    assert.deepEqual(await fate(sender, packOf(1)), nack(false));
    await fate(sender, packOf(2));
    assert.deepEqual(to.last().came, [1, 2]);
  });
  it('a pack that the receiver would not take is refused here', async (context) => {
    const to = receiver();
    const { sender } = begin(context, to);
    to.onPack((line, id) => line.answer(id));
    const fates = await Promise.all([
      fate(sender, packOf(1, 501, 501)),
      fate(sender, packOf(2, 10, 801)),
      fate(sender, packOf(3)),
    ]);
    for (const answer of fates.slice(0, 2))
      assert.ok(
        typeof answer === 'object' && answer.kind === 'nack' && answer.code === 'limit' && !answer.retryable,
      );
    assert.deepEqual(fates[2], ACK);
    assert.deepEqual(to.last().came, [3]);
  });
  it('a sink that is away or refuses is tried again, and told apart', async (context) => {
    const to = receiver();
    to.refuse(new LogdError('unreachable', 'Connection refused.', { retryable: true }));
    const { sender, events } = begin(context, to);
    const answer = fate(sender, packOf(1));
    await until(() => to.tries() >= 4, 'it has tried some times');
    to.refuse(new LogdError('refused', 'The sink is busy.', { retryable: true }));
    await until(() => to.tries() >= 7, 'it has tried some more');
    assert.ok(!events.includes('send.refused'), 'waiting helps');
    to.refuse(new LogdError('refused', 'Wrong token.'));
    await until(() => events.includes('send.refused'), 'it was refused');
    to.onPack((line, id) => line.answer(id));
    to.refuse(undefined);
    assert.deepEqual(await answer, ACK);
    assert.ok(events.filter((name) => name === 'send.disconnected').length >= 3);
    assert.equal(events.at(-1), 'send.connected');
  });
  it('drained when everything given has its answer', async (context) => {
    const to = receiver();
    const { sender } = begin(context, to);
    await sender.drain();
    let drained = false;
    const fates = [fate(sender, packOf(1)), fate(sender, packOf(2))];
    await until(() => to.last()?.came.length === 2, 'both are sent');
    void sender.drain().then(() => (drained = true));
    to.last().answer(1);
    await sleep(5);
    assert.equal(drained, false);
    to.last().answer(2);
    await until(() => drained, 'drained');
    await Promise.all(fates);
  });
  it('drained at once where no answer can come: connecting, or waiting to connect', async (context) => {
    const away = receiver();
    away.refuse(new LogdError('unreachable', 'Away.'));
    const waiting = begin(context, away, { min: 600_000, max: 600_000 });
    void fate(waiting.sender, packOf(1));
    await until(() => away.tries() === 1, 'it has tried');
    await waiting.sender.drain();

    const called = Promise.withResolvers<void>();
    const connecting = createSender({
      ...{ address: 'sink1:1', retry: { min: 1, max: 1 }, emit: () => undefined },
      connect: (signal) =>
        new Promise((_, reject) => {
          called.resolve();
          signal.addEventListener('abort', () => reject(new LogdError('closed', 'Called off.')));
        }),
    });
    const answer = fate(connecting, packOf(1));
    await called.promise;
    await connecting.drain();
    await connecting[Symbol.asyncDispose]();
    assert.equal(await answer, 'closed');
  });
  it('drained when the connection ends, with what is sent, queued and deferred unanswered', async (context) => {
    const to = receiver();
    const { sender } = begin(context, to, { min: 600_000, max: 600_000 });
    for (const id of [1, 2, 3, 4, 5, 6]) void fate(sender, packOf(id));
    await until(() => to.last()?.came.length === 4, 'the window is full');
    to.last().answer(1, nack(true));
    let drained = false;
    const draining = sender.drain().then(() => (drained = true));
    await sleep(5);
    assert.equal(drained, false, 'the connection is there: answers may come');
    to.last().cut();
    await draining;
  });
  it('closing rejects what is unanswered with closed: sent, queued, deferred and later', async (context) => {
    const to = receiver();
    const { sender } = begin(context, to, { min: 60_000, max: 60_000 });
    const fates = [1, 2, 3, 4, 5, 6].map((id) => fate(sender, packOf(id)));
    await until(() => to.last()?.came.length === 4, 'the window is full');
    to.last().answer(1, nack(true));
    await sender[Symbol.asyncDispose]();
    assert.deepEqual(await Promise.all(fates), Array(6).fill('closed'));
    assert.equal(await fate(sender, packOf(7)), 'closed');
    await sender[Symbol.asyncDispose]();
  });
  it('closing while it connects, or waits to connect, does not wait', async (context) => {
    const away = receiver();
    away.refuse(new LogdError('unreachable', 'Away.'));
    const waiting = begin(context, away, { min: 600_000, max: 600_000 });
    await until(() => away.tries() === 1, 'it has tried');
    await waiting.sender[Symbol.asyncDispose]();
    const to = receiver();
    // The connection comes to be in the very moment in which the sender is closed.
    const sender = createSender({
      ...{ address: 'sink1:1', retry: { min: 1, max: 1 }, emit: () => undefined },
      connect: async () => {
        const upstream = await to.connect(new AbortController().signal);
        queueMicrotask(() => void sender[Symbol.asyncDispose]());
        return upstream;
      },
    });
    await until(() => to.lines.length === 1, 'it has connected');
    await sender[Symbol.asyncDispose]();
  });

  it('whatever breaks when: all is answered, everything unanswered comes again in order', async (context) => {
    type Act = 'ack' | 'later' | 'last' | 'cut' | 'none';
    const acts = fc.array(fc.constantFrom<Act>('ack', 'ack', 'later', 'last', 'cut', 'none'), {
      maxLength: 80,
    });
    await fc.assert(
      fc.asyncProperty(
        acts,
        fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 25 }),
        async (script, sizes) => {
          const to = receiver();
          const { sender } = begin(context, to, { min: 0, max: 1 });
          let step = 0;
          to.onPack((line, id) => {
            const act = script[step++] ?? 'ack';
            const waiting = [...line.unanswered.keys()];
            setImmediate(() => {
              if (act === 'cut') line.cut();
              else if (act === 'ack' || step >= script.length)
                for (const one of waiting) line.unanswered.get(one)?.(ACK);
              else if (act === 'later') line.unanswered.get(id)?.(nack(true));
              else if (act === 'last') line.unanswered.get(id)?.(ACK);
              // What is left unanswered is answered with the next `ack`, or the connection breaks.
              if (act === 'none' && line.unanswered.size === LIMITS.windowPacks) line.cut();
            });
          });
          const fates = sizes.map((size, n) => fate(sender, packOf(n + 1, size)));
          const nudge = setInterval(() => to.lines.at(-1)?.cut(), 20);
          assert.deepEqual(await Promise.all(fates), Array(sizes.length).fill(ACK));
          clearInterval(nudge);
          await sender.drain();
          assert.deepEqual(to.wrong, []);
          if (!script.includes('later'))
            for (const { came } of to.lines)
              assert.deepEqual(
                came,
                came.toSorted((a, b) => a - b),
              );
          await sender[Symbol.asyncDispose]();
        },
      ),
      { numRuns: 100, endOnFailure: true },
    );
  });
});
