/**
 * The first bytes of a connection, by which a listener tells who is calling.
 *
 * Wire v2: the client sends 8 bytes, `L O G D 02 00 0D 0A`. Byte 4 is the framing's version; `0D 0A` catches a middlebox that
 * rewrites line ends. Wire v1 (the Go system) begins with a varint padded with zeros to 4 bytes, so that its 4th byte is 0
 * for every header below 2 MiB; `D` is not 0, so 4 bytes decide.
 */
export const PREAMBLE = Buffer.from([0x4c, 0x4f, 0x47, 0x44, 0x02, 0x00, 0x0d, 0x0a]);

/** Who is calling; `more` as long as the bytes fit `v2` and are not all there. */
export type Caller = 'v2' | 'v1' | 'unknown' | 'more';

/** Looks at the first bytes of a connection, of which there may be fewer or more than {@link PREAMBLE} has. */
export const sniff = (bytes: Buffer): Caller => {
  const length = Math.min(bytes.length, PREAMBLE.length);
  if (bytes.compare(PREAMBLE, 0, length, 0, length) === 0) return length === PREAMBLE.length ? 'v2' : 'more';
  if (bytes.length < 4) return 'more';
  return bytes[3] === 0 ? 'v1' : 'unknown';
};
