/** What an audit finds of one side of a segment, its stored bytes or its source, held against the seal. */
import type { SegmentRecord } from '../ledger/ledger.ts';
import { formatCount } from '../text/terminal.ts';
import type { StoredTotals } from './stored.ts';

/**
 * `missing`: the stored file is gone. `removed (retention)`: so it is, and as the configuration has it. `not read`: the segment is still open. `not at hand`: no source file was found. `partly gone`: some of its source files were, and what they hold is
 * as sealed. `unknown`: it cannot be read or compared.
 */
export type Verdict =
  | 'removed (retention)'
  | 'identical'
  | 'differs'
  | 'missing'
  | 'not read'
  | 'partly gone'
  | 'not at hand'
  | 'unknown';

/** What is not as the seal says, or without one the segment's end; empty when all is. The digest is named only where the counts do not tell already. */
export const compare = (
  found: StoredTotals,
  expected: StoredTotals,
  state: SegmentRecord['state'],
): string[] => {
  const faults: string[] = [];
  const told = state === 'sealed' ? 'the seal has' : 'its agent told of';
  for (const field of ['bytes', 'lines'] as const)
    if (found[field] !== expected[field])
      faults.push(`${formatCount(found[field])} ${field} where ${told} ${formatCount(expected[field])}`);
  // Behind a loss an agent's digest stands for nothing.
  if (state !== 'incomplete' && found.sha256 !== expected.sha256 && faults.length === 0)
    faults.push(`SHA-256 ${found.sha256} where ${told} ${expected.sha256}`);
  return faults;
};
