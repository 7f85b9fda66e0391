import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { LogdError } from '../../../src/error.ts';
import { countLines } from '../../../src/pack/survey.ts';
import { decodeV1Body, EMPTY_BODY, encodeV1Body } from '../../../src/transport/gowire/body.ts';
import {
  encodeV1Length,
  encodeV1Pack,
  readV1Length,
  V1Decoder,
  type V1Pack,
} from '../../../src/transport/gowire/pack-frame.ts';

const LIMITS = { headerBytes: 4096, bodyBytes: 1 << 20 };
const capture = (name: string): Buffer => readFileSync(join(import.meta.dirname, 'captures', `${name}.bin`));
const PACKS = [
  'pack-normal-1',
  'pack-final-done',
  'pack-empty-done',
  'relayed-normal-1',
  'relayed-empty-done',
];

const decodeAll = (
  bytes: Buffer,
  cuts: readonly number[],
  limits = LIMITS,
): { pack: V1Pack; body: Buffer }[] => {
  const decoder = new V1Decoder(limits);
  const packs: { pack: V1Pack; body: Buffer }[] = [];
  let head: V1Pack | undefined;
  const drain = (): void => {
    for (;;) {
      head ??= decoder.head();
      const body = head && decoder.body(head);
      if (head === undefined || body === undefined) return;
      packs.push({ pack: head, body });
      head = undefined;
    }
  };
  let from = 0;
  for (const cut of [...cuts, bytes.length].sort((a, b) => a - b)) {
    decoder.push(bytes.subarray(from, cut));
    from = cut;
    drain();
  }
  assert.equal(decoder.midPack, false);
  return packs;
};

describe('v1 packs as a Go node sent them', () => {
  for (const name of PACKS)
    it(`decodes and encodes ${name} to the same bytes`, () => {
      const bytes = capture(name);
      const [one, more] = decodeAll(bytes, []);
      assert.equal(more, undefined);
      assert.deepEqual(encodeV1Pack(one!.pack.route, one!.body), bytes);
      const raw = inflateSync(one!.body);
      assert.equal(countLines(raw), one!.pack.lines);
    });

  it('reads ids, ends, and the routes of relays', () => {
    const [normal] = decodeAll(capture('pack-normal-1'), []);
    assert.deepEqual(
      [normal!.pack.ip, normal!.pack.hour, normal!.pack.id, normal!.pack.lines, normal!.pack.done],
      ['10.0.0.1', '2026112301', 1, 2000, false],
    );
    const [empty] = decodeAll(capture('relayed-empty-done'), []);
    assert.deepEqual(
      [empty!.pack.id, empty!.pack.done, empty!.pack.repull, empty!.pack.lines],
      [3, true, true, 0],
    );
    assert.equal(empty!.pack.route[1]!['stage'], 'tcp recv');
    assert.deepEqual(empty!.body, EMPTY_BODY);
  });

  it('takes any chunking, also inside length and header, and several packs in one chunk', () => {
    const bytes = Buffer.concat(PACKS.map(capture));
    const whole = decodeAll(bytes, []);
    assert.equal(whole.length, PACKS.length);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 40 }), (cuts) => {
        assert.deepEqual(decodeAll(bytes, cuts), whole);
      }),
      { numRuns: 60 },
    );
    const small = capture('relayed-empty-done');
    assert.equal(
      decodeAll(
        small,
        Array.from({ length: small.length }, (_, n) => n),
      ).length,
      1,
    );
  });
});

describe('v1 packs that nobody should send', () => {
  const code = (run: () => unknown): string => {
    try {
      run();
    } catch (error) {
      if (error instanceof LogdError) return error.code;
      throw error;
    }
    return 'none';
  };
  const first = { ip: '10.0.0.1', hour: '2026112216', id: '1', lines: '1', stage: 'make pack' };
  const withFirst = (more: Record<string, unknown>, packLen: unknown = 0): Buffer => {
    const json = Buffer.from(JSON.stringify({ Route: [{ ...first, ...more }], PackLen: packLen }));
    return Buffer.concat([encodeV1Length(json.length), json]);
  };

  it('a huge header is refused before memory is taken', () => {
    assert.equal(
      code(() => decodeAll(Buffer.from('ffffff7f7b', 'hex'), [])),
      'limit',
    );
  });
  it('a length that is no padded varint is refused', () => {
    for (const hex of ['ffffffff', '01000001', '80808080', '05ff0000', '00000000', '01000000'])
      assert.equal(
        code(() => decodeAll(Buffer.from(`${hex}7b7d`, 'hex'), [])),
        'protocol',
        hex,
      );
  });
  it('an address that leaves the directory, or is none, is refused', () => {
    for (const ip of ['../..', '', 'web1', '1.2.3', '10.0.0.1/..', 'fe80::1%../x', 7])
      assert.equal(
        code(() => decodeAll(withFirst({ ip }), [])),
        'protocol',
        String(ip),
      );
  });
  it('ids, hours, lines and lengths are checked', () => {
    for (const more of [
      { id: '0' },
      { id: '-1' },
      { id: '1e3' },
      { hour: '2026113216' },
      { hour: '20261122' },
      { lines: '-1' },
    ])
      assert.equal(
        code(() => decodeAll(withFirst(more), [])),
        'protocol',
        JSON.stringify(more),
      );
    for (const packLen of [-1, 1.5, '7', null, 2 ** 60])
      assert.equal(
        code(() => decodeAll(withFirst({}, packLen), [])),
        'protocol',
        String(packLen),
      );
    assert.equal(
      code(() => decodeAll(withFirst({}, 1 << 24), [])),
      'limit',
    );
  });
  it('no JSON, no routes and routes that are no objects are refused', () => {
    for (const text of ['hello', '[]', '{}', '{"Route":[]}', '{"Route":[1]}', 'null']) {
      const bytes = Buffer.concat([encodeV1Length(text.length), Buffer.from(text)]);
      assert.equal(
        code(() => decodeAll(bytes, [])),
        'protocol',
        text,
      );
    }
  });
  it('unknown keys, of any type, pass', () => {
    const [one] = decodeAll(withFirst({ later: { x: 1 }, more: 'y' }), []);
    assert.equal(one!.pack.id, 1);
    assert.equal(one!.pack.route[0]!['more'], 'y');
  });
  it('any bytes end in packs, in a wait for more, or in a LogdError, without much memory', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const decoder = new V1Decoder(LIMITS);
        decoder.push(Buffer.from(bytes));
        const result = code(() => decoder.head());
        assert.ok(['none', 'protocol', 'limit'].includes(result));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('v1 lengths', () => {
  it('are varints of 4 bytes', () => {
    assert.deepEqual(encodeV1Length(211), Buffer.from('d3010000', 'hex'));
    for (const length of [2, 127, 128, 211, 16_383, 16_384, 2_097_151])
      assert.equal(readV1Length(encodeV1Length(length)), length);
  });
});

describe('v1 bodies', () => {
  const key = { host: '10.0.0.1', stream: 'access', hour: '2026112216' };
  it('of equal lines differ between packs and not between two sendings of one', async () => {
    const raw = Buffer.from('a\n'.repeat(500));
    const [one, again, two] = await Promise.all([1, 1, 2].map((id) => encodeV1Body(raw, key, id)));
    assert.deepEqual(one, again);
    assert.notDeepEqual(one, two);
    for (const body of [one!, two!]) {
      assert.deepEqual(inflateSync(body), raw);
      assert.deepEqual(await decodeV1Body(body, 1 << 20), raw);
    }
  });
  it('that are cut, no zlib, or too large are refused', async () => {
    const body = await encodeV1Body(Buffer.from('line\n'.repeat(1000)), key, 1);
    await assert.rejects(decodeV1Body(body.subarray(0, -3), 1 << 20), { code: 'corrupt' });
    await assert.rejects(decodeV1Body(Buffer.from('hello'), 1 << 20), { code: 'corrupt' });
    await assert.rejects(decodeV1Body(body, 100), { code: 'limit' });
  });
});
