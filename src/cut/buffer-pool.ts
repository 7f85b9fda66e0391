/** Buffers of one size, used again: allocating a MiB for each pack costs more than reading it. */
export interface BufferPool {
  readonly size: number;
  take(): Buffer;
  /** The buffer must not be touched after this. */
  give(buffer: Buffer): void;
}

/** How many buffers exist is bounded by whoever takes them; at most `spare` are kept when unused. */
export const bufferPool = (size: number, spare = 8): BufferPool => {
  const free: Buffer[] = [];
  return {
    size,
    take: () => free.pop() ?? Buffer.allocUnsafeSlow(size),
    give(buffer) {
      if (free.length < spare) free.push(buffer);
    },
  };
};
