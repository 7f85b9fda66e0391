/** The sentence that everything begins with. The server makes it. */
import type { JSX } from 'preact';
import type { VerdictAnswer } from '../src/monitor/api/schemas.ts';
import { StateCell } from './cell.tsx';
import { clock } from './format.ts';
import { letterOf } from './headline.ts';
import { isOld, lastHeard } from './live.ts';

export const VerdictLine = ({
  verdict,
  view = false,
}: {
  readonly verdict: VerdictAnswer | undefined;
  readonly view?: boolean;
}): JSX.Element => (
  <header class={`verdict${view ? ' view' : ''}`} aria-live="polite">
    <StateCell letter={verdict === undefined ? ' ' : letterOf(verdict.kind)} large={!view} />
    <h1>
      {isOld.value && `As of ${clock(lastHeard.value)}: `}
      {verdict?.headline ?? 'Reading …'}
    </h1>
    {verdict !== undefined && verdict.sentences.length > 0 && <p>{verdict.sentences.join(' ')}</p>}
  </header>
);
