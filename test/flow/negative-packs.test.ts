/**
 * One pack is dropped, repeated, swapped, shortened or altered on its way between a real agent and a real sink. Either sending
 * again heals it and the hour is sealed equal, or the hour is not sealed: never sealed and unequal.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { assertSealedEqual, storedPath } from './compare.ts';
import { bytesOf } from './lines.ts';
import { runLogd } from './process.ts';
import { type Parcel, type Road, startProxy, type Tamper, withBytes, withDigest } from './proxy.ts';
import { flow, type Rig } from './rig.ts';
import { decompressFrames } from './zstd.ts';

const HOUR = '2026112216';
/** Of about eight; the first that is tampered with. */
const VICTIM = 3;
const BYTES = 30_000;

const flipped = (raw: Buffer): Buffer => {
  raw[raw.length >> 1]! ^= 1;
  return raw;
};
const withoutLastLine = (raw: Buffer): Buffer => raw.subarray(0, raw.lastIndexOf(10, raw.length - 2) + 1);
const cutShort = (parcel: Parcel): Parcel => ({ ...parcel, body: parcel.body.subarray(0, -7) });
const lengthened = (parcel: Parcel): Parcel => ({
  ...parcel,
  body: Buffer.concat([parcel.body, Buffer.from('more')]),
});
const emptied = (parcel: Parcel): Parcel => ({ ...parcel, body: Buffer.alloc(0) });
const alteredBody = (parcel: Parcel): Parcel => ({ ...parcel, body: flipped(parcel.body) });

interface Case {
  /** What happens when the victim comes for the first time, and to what follows it of the same stream. */
  readonly tamper: (parcel: Parcel, road: Road) => void;
  readonly follows?: (parcel: Parcel, held: Parcel, road: Road) => void;
  /** Whether the hour is sealed in the end, else the state that it stays in. */
  readonly ends: 'sealed' | 'refused' | 'open';
  /** What the sink says of it. */
  readonly said?: string;
}

/** Numbered as if nothing had happened: the store alone can tell. */
const careful: Record<string, Case> = {
  repeat: {
    tamper: (parcel, road) => [road.pass(parcel, { silent: true }), road.pass(parcel)],
    ends: 'sealed',
  },
  swap: {
    tamper: () => undefined,
    follows: (parcel, held, road) => [road.pass(parcel), road.pass(held)],
    ends: 'sealed',
  },
  alter: { tamper: (parcel, road) => road.pass(alteredBody(parcel)), ends: 'sealed', said: 'corrupt' },
  shorten: { tamper: (parcel, road) => road.pass(cutShort(parcel)), ends: 'sealed', said: 'corrupt' },
  lengthen: { tamper: (parcel, road) => road.pass(lengthened(parcel)), ends: 'sealed', said: 'corrupt' },
  empty: { tamper: (parcel, road) => road.pass(emptied(parcel)), ends: 'sealed', said: 'corrupt' },
  'alter-all': {
    tamper: (parcel, road) => road.pass(withBytes(parcel, flipped)),
    ends: 'sealed',
    said: 'digest',
  },
  'shorten-all': {
    tamper: (parcel, road) => road.pass(withBytes(parcel, withoutLastLine)),
    ends: 'sealed',
    said: 'digest',
  },
  'forge-early': {
    // The altered pack comes before the one that it continues, so its digest cannot be checked yet: the seal has to.
    tamper: () => undefined,
    follows: (parcel, held, road) => [road.pass(withBytes(parcel, flipped)), road.pass(held)],
    ends: 'refused',
  },
  'drop-acked': { tamper: (parcel, road) => road.lie(parcel), ends: 'open' },
};

/** As somebody would who knows nothing of numbers. */
const crude: Record<string, Case> = {
  drop: { tamper: () => undefined, ends: 'sealed' },
  repeat: { tamper: (parcel, road) => [road.pass(parcel), road.pass(parcel)], ends: 'sealed' },
  swap: {
    tamper: () => undefined,
    follows: (parcel, held, road) => [road.pass(parcel), road.pass(held)],
    ends: 'sealed',
  },
  cut: {
    tamper: ({ header, seq, body }, road) =>
      road.breakOff(Buffer.from(JSON.stringify({ header, seq }) + String(body)).subarray(0, 999)),
    ends: 'sealed',
  },
};

/** Each case has the stream of its name; each happens once. */
const tamperWith = (cases: Record<string, Case>): { readonly tamper: Tamper; readonly done: Set<string> } => {
  const done = new Set<string>();
  const held = new Map<string, Parcel>();
  const tamper: Tamper = (parcel, road) => {
    const { stream, id } = parcel.header;
    const each = cases[stream];
    const before = held.get(stream);
    held.delete(stream);
    if (before !== undefined && each?.follows) each.follows(parcel, before, road);
    else if (each && id === VICTIM && !done.has(stream)) {
      done.add(stream);
      if (each.follows) held.set(stream, parcel);
      each.tamper(parcel, road);
    } else road.pass(parcel);
  };
  return { tamper, done };
};

const configure = (rig: Rig, streams: readonly string[], port: number, codec: string): Promise<string> => {
  const settings = { send_to: `127.0.0.1:${port}`, pack: { size: '4KiB', max_delay: '20ms', codec } };
  return rig.configureAgent({ host: 'web1', streams, settings });
};

const write = (rig: Rig, stream: string): Promise<void> =>
  rig.sources.write('web1', stream, HOUR, bytesOf(stream, BYTES));

const stateOf = async (rig: Rig, stream: string): Promise<string | undefined> =>
  (await rig.segments()).find((segment) => segment.stream === stream)?.state;

for (const codec of ['none', 'zstd'])
  flow(`negative-packs-careful: one pack of each hour is tampered with, codec ${codec}`, async (rig) => {
    await rig.configureSink({ compression: codec });
    const sink = await rig.start('sink');
    const { tamper, done } = tamperWith(careful);
    await using proxy = await startProxy(rig.port, tamper, true);
    await configure(rig, Object.keys(careful), proxy.port, codec);
    for (const stream of Object.keys(careful)) await write(rig, stream);
    await rig.start('web1');
    for (const [stream, { ends }] of Object.entries(careful))
      await rig.until(`${stream} is ${ends}`, async () => (await stateOf(rig, stream)) === ends);
    assert.equal(done.size, Object.keys(careful).length);
    assert.equal(proxy.connections, 1);
    const ledger = await rig.ledger();
    const bad = sink.events
      .filter(({ event }) => event === 'receive.bad-pack')
      .map((event) => ({ stream: event['stream'], code: event['code'] }));
    assert.deepEqual(new Set(bad.map(({ code }) => code)), new Set(['corrupt', 'digest']));
    for (const { key, bytes } of rig.sources.expected()) {
      const { ends, said } = careful[key.stream]!;
      // Of packs of one kind from one peer the first is named, the others are counted.
      const codes = bad.filter(({ stream }) => stream === key.stream).map(({ code }) => code);
      assert.ok(
        codes.every((code) => code === said),
        key.stream,
      );
      if (ends !== 'sealed') assert.deepEqual(await ledger.seals(key), [], key.stream);
      else {
        const stored = await readFile(storedPath(rig, { key }, codec));
        assert.ok((codec === 'zstd' ? decompressFrames(stored) : stored).equals(bytes), key.stream);
      }
    }
    const keyOf = (stream: string) => ({ host: 'web1', stream, hour: HOUR });
    await rig.until('all but the victim of drop-acked are here', async () => {
      const segment = await ledger.segment(keyOf('drop-acked'));
      return segment?.expected?.packs === segment!.packs + 1;
    });
    assert.deepEqual(await ledger.gaps(keyOf('drop-acked'), 9), [{ from: 3, to: 3, reason: 'missing' }]);
    const { reason } = (await ledger.segment(keyOf('forge-early')))!;
    assert.match(reason ?? '', /pack 4 \(bytes \d+ to \d+\) is the first that differs/);
    const { code, stdout } = await runLogd(['audit', '-c', rig.path('sink.yaml')]);
    assert.equal(code, 1, stdout);
    const sealed = Object.values(careful).filter(({ ends }) => ends === 'sealed').length;
    assert.match(
      stdout,
      new RegExp(
        `${sealed} of ${Object.keys(careful).length - 1} segments sealed \\(1 still open, not counted\\)`,
      ),
    );
  });

flow('negative-packs-crude: packs that go missing or come out of number are sent again', async (rig) => {
  await rig.configureSink();
  const sink = await rig.start('sink');
  const { tamper, done } = tamperWith(crude);
  await using proxy = await startProxy(rig.port, tamper, false);
  await configure(rig, Object.keys(crude), proxy.port, 'none');
  await rig.start('web1');
  for (const [index, stream] of Object.keys(crude).entries()) {
    await write(rig, stream);
    await rig.sealed('despite-errors');
    assert.ok(done.has(stream));
    assert.ok(proxy.connections > index + 1, `${stream} broke no connection`);
  }
  assert.ok(sink.events.some(({ event }) => event === 'receive.bad-frame'));
  await assertSealedEqual(rig);
});

flow(
  'negative-packs-digest: a first pack altered with its digest is told from what continues it',
  async (rig) => {
    await rig.configureSink();
    const sink = await rig.start('sink');
    const tamper: Tamper = (parcel, road) =>
      road.pass(parcel.header.id === 1 ? withDigest(withBytes(parcel, flipped)) : parcel);
    await using proxy = await startProxy(rig.port, tamper, true);
    await configure(rig, ['access'], proxy.port, 'none');
    await write(rig, 'access');
    await rig.start('web1');
    const { id, code } = await sink.event('receive.bad-pack', (event) => event['code'] === 'digest');
    assert.deepEqual([id, code], [2, 'digest']);
    assert.deepEqual(await (await rig.ledger()).seals({ host: 'web1', stream: 'access', hour: HOUR }), []);
  },
);
