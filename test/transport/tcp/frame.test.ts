import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { LogdError } from '../../../src/error.ts';
import { FRAME_TYPES, FrameDecoder, encodeFrame } from '../../../src/transport/tcp/frame.ts';
import type { FrameType } from '../../../src/transport/tcp/frame.ts';

const LIMITS = { headerBytes: 1024, bodyBytes: 4096 };

interface Whole {
  readonly type: FrameType;
  readonly header: object;
  readonly body: Buffer;
}

const encode = ({ type, header, body }: Whole): Buffer =>
  Buffer.concat([encodeFrame(type, header, body.length), body]);

/** Pushes the bytes cut into chunks and gives the frames that come out; `error` is what the decoder threw at the end. */
const decode = (
  bytes: Buffer,
  sizes: readonly number[],
  skip = false,
): { frames: Whole[]; error: unknown } => {
  const decoder = new FrameDecoder(LIMITS);
  const frames: Whole[] = [];
  let head: ReturnType<FrameDecoder['head']>;
  try {
    for (let at = 0, n = 0; at < bytes.length; n++) {
      const size = Math.max(1, sizes[n % sizes.length] ?? 1);
      decoder.push(bytes.subarray(at, at + size));
      at += size;
      for (;;) {
        head ??= decoder.head();
        if (head === undefined) break;
        const body = skip ? (decoder.skip() ? Buffer.alloc(0) : undefined) : decoder.body();
        if (body === undefined) break;
        frames.push({ type: head.type, header: head.header, body });
        head = undefined;
      }
    }
  } catch (error) {
    return { frames, error };
  }
  return { frames, error: undefined };
};

const header = fc.dictionary(
  fc.string({ maxLength: 8 }),
  fc.oneof(fc.string({ maxLength: 20 }), fc.integer()),
  { maxKeys: 8, noNullPrototype: true },
);
const frame: fc.Arbitrary<Whole> = fc.oneof(
  fc.record({
    type: fc.constant<FrameType>('PACK'),
    header,
    body: fc.uint8Array({ maxLength: 4096 }).map((bytes) => Buffer.from(bytes)),
  }),
  fc.record({
    type: fc.constantFrom(...(Object.keys(FRAME_TYPES) as FrameType[])),
    header,
    body: fc.constant(Buffer.alloc(0)),
  }),
);
const frames = fc.array(frame, { maxLength: 6 });
const sizes = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 10 });

test('frames come out as they went in, whatever the chunks', () => {
  fc.assert(
    fc.property(frames, sizes, (sent, cuts) => {
      const { frames: got, error } = decode(Buffer.concat(sent.map(encode)), cuts);
      assert.equal(error, undefined);
      assert.deepEqual(
        got,
        sent.map((one) => ({ ...one, header: JSON.parse(JSON.stringify(one.header)) as object })),
      );
    }),
  );
});

test('skipped bodies leave the frames behind them whole', () => {
  fc.assert(
    fc.property(frames, sizes, (sent, cuts) => {
      const { frames: got, error } = decode(Buffer.concat(sent.map(encode)), cuts, true);
      assert.equal(error, undefined);
      assert.deepEqual(
        got.map(({ type }) => type),
        sent.map(({ type }) => type),
      );
    }),
  );
});

test('a changed head is always found, and nothing comes out of it', () => {
  fc.assert(
    fc.property(frame, fc.nat(), fc.integer({ min: 1, max: 255 }), sizes, (sent, where, mask, cuts) => {
      const bytes = encode(sent);
      bytes[where % (bytes.length - sent.body.length)]! ^= mask;
      const { frames: got, error } = decode(bytes, cuts);
      assert.deepEqual(got, []);
      // A length that grew makes the decoder wait for more, which the frame timeout ends.
      if (error !== undefined) assert.ok(error instanceof LogdError && /^(protocol|limit)$/.test(error.code));
    }),
    { numRuns: 1000 },
  );
});

test('no bytes make it throw anything but protocol and limit, or take more memory than allowed', (context) => {
  const taken: number[] = [];
  for (const method of ['allocUnsafe', 'allocUnsafeSlow'] as const) {
    const real = Buffer[method].bind(Buffer);
    context.mock.method(Buffer, method, (size: number) => {
      taken.push(size);
      return real(size);
    });
  }
  fc.assert(
    fc.property(frames, fc.uint8Array({ maxLength: 400 }), fc.boolean(), sizes, (sent, noise, swap, cuts) => {
      const good = Buffer.concat(sent.map(encode));
      taken.length = 0;
      const { error } = decode(Buffer.concat(swap ? [noise, good] : [good, noise]), cuts);
      if (error !== undefined) assert.ok(error instanceof LogdError && /^(protocol|limit)$/.test(error.code));
      for (const size of taken) assert.ok(size <= LIMITS.bodyBytes, `${size} bytes were taken`);
    }),
    { numRuns: 500 },
  );
});

test('a length above its limit is refused before memory is taken for it', (context) => {
  const prefix = encodeFrame('PACK', {}, LIMITS.bodyBytes + 1);
  const huge = Buffer.from(prefix);
  huge.writeUInt32BE(0xffff_ffff, 4);
  const control = encodeFrame('PING', {}, 1);
  const slow = context.mock.method(Buffer, 'allocUnsafeSlow');
  const pooled = context.mock.method(Buffer, 'allocUnsafe');
  for (const bytes of [prefix, huge, control]) {
    const decoder = new FrameDecoder(LIMITS);
    decoder.push(bytes);
    assert.throws(() => decoder.head(), { code: 'limit' });
    assert.throws(() => decoder.head(), { code: 'limit' }, 'it stays broken');
  }
  assert.equal(slow.mock.callCount() + pooled.mock.callCount(), 0);
});

test('a body is taken once, in its exact size, only after its head is proven', (context) => {
  const body = Buffer.alloc(4000, 7);
  const frame = encodeFrame('PACK', {}, body.length);
  const slow = context.mock.method(Buffer, 'allocUnsafeSlow');
  const taken = (): number[] => slow.mock.calls.map(({ arguments: [size] }) => size);
  const decoder = new FrameDecoder(LIMITS);
  decoder.push(frame);
  assert.equal(decoder.head()?.bodyBytes, body.length);
  const header = '{}'.length;
  assert.deepEqual(taken(), [header]);
  for (let at = 0; at < body.length; at += 100) {
    assert.equal(decoder.body(), undefined);
    assert.ok(decoder.midFrame);
    decoder.push(body.subarray(at, at + 100));
  }
  assert.deepEqual(decoder.body(), body);
  assert.deepEqual(taken(), [header, 4000]);
  assert.equal(decoder.midFrame, false);
});

test('a header whose texts look like keys has no key twice', () => {
  const headers = [
    { a: '":', b: '"a":', '"a"': 1, 'a\\': { a: [':', '\\":"', '\\\\'] }, '': '' },
    { a: '\\"', 'a:': '\n', ':': [{ a: 1 }, { a: 2 }] },
  ];
  for (const header of headers) {
    const decoder = new FrameDecoder(LIMITS);
    decoder.push(encodeFrame('PING', header));
    assert.deepEqual(decoder.head()?.header, header);
  }
});

test('headers that are no JSON object, and unknown types and flags, break the protocol', () => {
  const broken = (change: (frame: Buffer) => void, json = '{}'): Buffer => {
    const valid = encodeFrame('PING', { pad: 'x'.repeat(json.length) });
    valid.writeUInt32BE(json.length, 4);
    valid.write(json, 16, 'latin1');
    change(valid);
    return sealed(valid, json.length);
  };
  const same = (): void => undefined;
  const cases: [Buffer, RegExp][] = [
    [broken(same, '[]'), /not a JSON object/],
    [broken(same, '{"a"'), /not JSON/],
    [broken(same, 'null'), /not a JSON object/],
    [broken(same, '{"a":"\xff"}'), /not UTF-8/],
    [broken(same, '['.repeat(1000)), /not JSON/],
    [broken(same, '{"a":1,"a":1}'), /a key twice/],
    [broken(same, '{"a":1,"\\u0061":2}'), /a key twice/],
    [broken(same, '{"b":[{"c":{"a":1 , "a" : 2}}]}'), /a key twice/],
    [broken(same, '{"a\\\\":"x\\"" , "a\\\\"\t\r\n: 2}'), /a key twice/],
    [broken((bytes) => bytes.writeUInt8(13, 0)), /unknown type 13/],
    [broken((bytes) => bytes.writeUInt8(1, 1)), /flags/],
    [broken((bytes) => bytes.writeUInt8(1, 3)), /flags/],
  ];
  for (const [bytes, message] of cases) {
    const decoder = new FrameDecoder(LIMITS);
    decoder.push(bytes);
    assert.throws(() => decoder.head(), { code: 'protocol', message });
  }
});

/** The frame with a right checksum. */
const sealed = (bytes: Buffer, headerBytes: number): Buffer => {
  bytes.writeUInt32BE(
    crc32(Buffer.concat([bytes.subarray(0, 12), bytes.subarray(16, 16 + headerBytes)])),
    12,
  );
  return bytes.subarray(0, 16 + headerBytes);
};

test('keys are counted right, whatever the strings hold', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 5 }), (header) => {
      fc.pre(Buffer.byteLength(JSON.stringify(header)) <= LIMITS.headerBytes);
      const decoder = new FrameDecoder(LIMITS);
      decoder.push(encodeFrame('PING', header as object));
      assert.deepEqual(decoder.head()?.header, JSON.parse(JSON.stringify(header)));
    }),
  );
});

test('a header that is too long is not encoded', () => {
  assert.throws(() => encodeFrame('PING', { pad: 'x'.repeat(16_384) }), { code: 'limit' });
});
