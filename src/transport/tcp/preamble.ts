/**
 * The first bytes of a connection of wire v2, by which a listener tells it from others.
 *
 * The client sends 8 bytes, `L O G D 02 00 0D 0A`. Byte 4 is the framing's version; `0D 0A` catches a middlebox that rewrites line
 * ends. Wire v1 (the Go system) has 0 as its 4th byte, which `D` is not, so 4 bytes tell the two apart.
 */
export const PREAMBLE = Buffer.from([0x4c, 0x4f, 0x47, 0x44, 0x02, 0x00, 0x0d, 0x0a]);

/** Looks at the first bytes of a connection, of which there may be fewer or more than {@link PREAMBLE} has. */
export const recognise = (first: Buffer): 'yes' | 'no' | 'more' => {
  const length = Math.min(first.length, PREAMBLE.length);
  if (first.compare(PREAMBLE, 0, length, 0, length) !== 0) return 'no';
  return length === PREAMBLE.length ? 'yes' : 'more';
};
