/** Raw bytes of packs that wait in the queue, so that most are decoded once; those that do not fit are decoded again. */
import type { SpooledPack, SpoolTicket } from '../../spool/spool.ts';
import { decodeV1Body } from '../../transport/gowire/body.ts';

const MOST_BYTES = 32 << 20;

export interface DecodedPacks {
  keep(ticket: SpoolTicket, raw: Buffer): void;
  /** The raw bytes, which are not kept any more. */
  take(given: SpooledPack): Promise<Buffer>;
}

export const decodedPacks = (rawBytes: number): DecodedPacks => {
  const kept = new Map<string, Buffer>();
  let bytes = 0;
  const nameOf = ({ file, at }: SpoolTicket): string => `${file}/${at}`;
  return {
    keep(ticket, raw) {
      if (bytes + raw.length > MOST_BYTES) return;
      kept.set(nameOf(ticket), raw);
      bytes += raw.length;
    },
    async take({ ticket, pack }) {
      const raw = kept.get(nameOf(ticket));
      if (raw === undefined) return decodeV1Body(pack.body, rawBytes);
      kept.delete(nameOf(ticket));
      bytes -= raw.length;
      return raw;
    },
  };
};
