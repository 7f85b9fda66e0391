/** Packs as a relay gets them, small and all different. */
import type { Pack } from '../../src/pack/pack.ts';

export const packOf = (id: number, body: Buffer, more: Partial<Pack['header']> = {}): Pack => ({
  header: {
    host: 'web1',
    stream: 'access',
    hour: '2026112216',
    id,
    generation: 1,
    offset: 0,
    bytes: body.length,
    lines: 0,
    checksum: 0,
    sha256: '0'.repeat(64),
    codec: 'none',
    time: 0,
    ...more,
  },
  body,
});
