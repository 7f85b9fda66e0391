/** Links to source files that nobody needs any more: a crash came between the last ack of a segment and their removal. */
import { inodeOf } from '../tail/source.ts';
import type { Holds } from '../tail/hold.ts';
import type { Marks } from '../marks/marks.ts';

/** Removes them. To be called before any stream is followed. */
export const releaseStaleHolds = async (marks: Marks, holds: Holds): Promise<void> => {
  const held = await holds.list();
  if (held.length === 0) return;
  const needed = new Set((await marks.read('unsettledFiles')).map(inodeOf));
  for (const id of held) if (!needed.has(inodeOf(id))) await holds.release(id);
};
