/** A pack on its way from the cutter to the sender. */
import type { Lease } from '../pack/byte-budget.ts';
import type { Cut } from '../marks/cut.ts';
import type { TrackedSegment } from '../track/segment.ts';
import type { Upstream } from '../transport/transport.ts';

/** Whoever takes it gives buffer and lease back. */
export interface CutPack {
  readonly segment: TrackedSegment;
  readonly cut: Cut;
  readonly raw: Buffer;
  /** Of the pool, where `raw` lies in one. */
  readonly buffer: Buffer | undefined;
  /** Settles when the cut's record is durable. */
  readonly recorded: Promise<void>;
  /** At least as large as the buffer; undefined where the pack holds no memory, such as a loss. */
  readonly lease?: Lease;
  /** The connection over which it was wanted again. */
  readonly via?: Upstream | undefined;
}
