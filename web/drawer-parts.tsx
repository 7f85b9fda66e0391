/** The parts of an open hour, in their order: comparison, packs, timeline, outputs, seal, source. */
import type { ComponentChildren, JSX } from 'preact';
import type { HourAnswer } from '../src/monitor/api/schemas.ts';
import { CopyLine } from './copy.tsx';
import { bytes, clock, clockSeconds, count, dayName, difference, duration } from './format.ts';
import { marksInWords, MOST_MARKS, packMarks } from './pack-strip.ts';

type Segment = NonNullable<HourAnswer['segment']>;
interface Props {
  readonly hour: HourAnswer;
  readonly segment: Segment;
}

const Part = ({
  title,
  note,
  children,
}: {
  readonly title: string;
  readonly note?: string;
  readonly children: ComponentChildren;
}): JSX.Element => (
  <section>
    <h3>
      {title} {note !== undefined && <span class="muted">{note}</span>}
    </h3>
    {children}
  </section>
);

const short = (sha256: string): string => `${sha256.slice(0, 8)}…${sha256.slice(-8)}`;

export const Comparison = ({ hour, segment }: Props): JSX.Element => {
  const { seal } = hour;
  const rows = [
    ['Packs', segment.expectedPacks, segment.packs],
    ['Lines', segment.expectedLines, segment.lines],
    ['Bytes', segment.expectedBytes, segment.bytes],
  ] as const;
  const read = segment.expectedSha256;
  return (
    <table>
      <thead>
        <tr>
          <td />
          <th class="right">{hour.host} read</th>
          <th class="right">{hour.sink} has</th>
          <th class="right">Difference</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, expected, has]) => (
          <tr key={name}>
            <td>{name}</td>
            <td class="right">{expected === null ? 'unknown' : count(expected)}</td>
            <td class="right">{count(has)}</td>
            <td class={`right ${expected === null || has === expected ? 'muted' : 'strong'}`}>
              {expected === null ? 'unknown' : difference(has - expected)}
            </td>
          </tr>
        ))}
        <tr>
          <td>SHA-256</td>
          <td class="right mono">{read === null ? 'unknown' : short(read)}</td>
          <td class={`right ${seal === null ? 'muted' : 'mono'}`}>
            {seal === null ? 'none yet' : short(seal.sha256)}
          </td>
          <td class="right muted">{seal !== null && (seal.sha256 === read ? 'equal' : 'different')}</td>
        </tr>
      </tbody>
    </table>
  );
};

const latencyNote = ({ packs }: HourAnswer): string => {
  const sorted = packs
    .filter(({ bytes: size }) => size > 0)
    .map(({ arrivedAt, time }) => Math.max(0, arrivedAt - time) / 1000)
    .sort((a, b) => a - b);
  return sorted.length === 0
    ? ''
    : `, latency ${duration(sorted[sorted.length >> 1] ?? 0)} in the middle, ${duration(sorted.at(-1) ?? 0)} at most`;
};

const GapLine = ({ gap }: { readonly gap: HourAnswer['gaps'][number] }): JSX.Element => (
  <p>
    <b class="strong">{gap.from === gap.to ? `Pack ${gap.from}` : `Packs ${gap.from} to ${gap.to}`}:</b>{' '}
    {gap.end === null
      ? `the bytes from ${count(gap.start)} on`
      : `bytes ${count(gap.start)} to ${count(gap.end - 1)}`}
    .{' '}
    {gap.reason === 'missing'
      ? gap.why === undefined
        ? 'It has not come.'
        : `It has not come, and cannot be sent again: ${gap.why}.`
      : `These bytes are gone for good: ${gap.reason}.`}
  </p>
);

export const PackStrip = ({ hour, segment }: Props): JSX.Element => {
  const { packs, gaps } = hour;
  const total = Math.max(segment.expectedPacks ?? 0, packs.at(-1)?.id ?? 0, gaps.at(-1)?.to ?? 0);
  const marks = packMarks({ total, gaps, isRefused: segment.state === 'refused' });
  const missing = gaps.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  const most = Math.max(0, ...packs.map(({ bytes: size }) => size));
  const isNumbered = total <= 20;
  return (
    <Part
      title="Packs"
      note={`${count(total)} ${total === 1 ? 'pack' : 'packs'} of up to ${bytes(most)}${latencyNote(hour)}`}
    >
      <div
        class="packs"
        role="img"
        aria-label={`${count(total)} packs, ${count(missing)} missing${segment.state === 'refused' ? ', refused' : ''}`}
      >
        {marks.map((mark) => (
          <span
            key={mark.from}
            class={mark.state}
            style={{ flexGrow: mark.to - mark.from + 1 }}
            title={marksInWords(mark)}
          >
            <i />
            {isNumbered && mark.from}
          </span>
        ))}
      </div>
      {total > MOST_MARKS && <p class="muted small">Each mark stands for several packs.</p>}
      {gaps.map((gap) => (
        <GapLine key={gap.from} gap={gap} />
      ))}
    </Part>
  );
};

const stepsOf = ({ hour, segment }: Props): (readonly [number, string])[] => {
  const { seal, host } = hour;
  const isLate = seal === null && Date.now() > hour.lateAt;
  const end =
    segment.expectedPacks === null
      ? 'Its end has not come yet.'
      : `${host} says: ${count(segment.expectedPacks)} ${segment.expectedPacks === 1 ? 'pack' : 'packs'}, done.`;
  const steps: (readonly [number, string])[] = [
    [segment.firstArrival, 'First pack received.'],
    [segment.lastArrival, `Last pack received. ${end}`],
    ...(isLate ? [[hour.lateAt, 'Late: it should have been sealed by now.'] as const] : []),
    ...(seal === null
      ? []
      : [
          [
            seal.sealedAt,
            seal.sealedAt > hour.ends
              ? `Sealed, ${duration((seal.sealedAt - hour.ends) / 1000)} after the hour ended.`
              : 'Sealed.',
          ] as const,
        ]),
  ];
  return steps.toSorted(([a], [b]) => a - b);
};

/** `14:31:40`; of another day than the hour's with the day before it. */
const stepTime = (at: number, begins: number): string =>
  dayName(at) === dayName(begins) ? clockSeconds(at) : `${dayName(at).slice(4)} ${clock(at)}`;

export const Timeline = ({ hour, segment }: Props): JSX.Element => {
  const { packs, begins, ends, seal, lateAt, hops } = hour;
  const from = Math.min(begins, segment.firstArrival);
  const to = Math.max(ends, segment.lastArrival, seal?.sealedAt ?? 0);
  const at = (time: number): string => `${(100 * (time - from)) / Math.max(1, to - from)}%`;
  const ticks = [
    [ends, 'hour ends'],
    [lateAt, 'late'],
    ...(seal === null ? [] : [[seal.sealedAt, 'sealed'] as const]),
  ] as const;
  // Names of ticks that are too near to each other would lie upon each other: the later one speaks.
  const shown = ticks
    .filter(([time]) => time <= to)
    .filter(([time], n, all) => !all.some(([other], m) => m > n && Math.abs(other - time) < (to - from) / 6));
  return (
    <Part title="Timeline" note="each mark is a pack arriving">
      <div class="timeline" aria-hidden="true">
        {packs.map(({ id, arrivedAt }) => (
          <i key={id} style={{ left: at(arrivedAt) }} />
        ))}
        {shown.map(([time, name]) => (
          <b key={name} class={time - from > (to - from) / 2 ? 'left' : ''} style={{ left: at(time) }}>
            {name}
          </b>
        ))}
        <span>{stepTime(from, begins).slice(0, -3)}</span>
        <span>{dayName(to) === dayName(begins) ? clock(to) : `${dayName(to).slice(4)} ${clock(to)}`}</span>
      </div>
      <ol class="steps">
        {stepsOf({ hour, segment }).map(([time, words]) => (
          <li key={words}>
            <time>{stepTime(time, begins)}</time> {words}
          </li>
        ))}
      </ol>
      {hops.length > 0 && (
        <>
          <h4>Latency by hop, of what comes to {hour.sink} now</h4>
          <ul class="steps">
            {hops.map(({ name, detail }) => (
              <li key={name}>
                <b class="strong">{name}</b> {detail}
              </li>
            ))}
          </ul>
        </>
      )}
    </Part>
  );
};

const waitsFor = (
  { done, error, nextPack }: HourAnswer['outputs'][number],
  { gaps, seal }: HourAnswer,
): string => {
  if (error !== undefined) return error;
  if (done) return 'Done';
  const gap = gaps.find(({ from, to }) => nextPack !== null && from <= nextPack && to >= nextPack);
  if (gap !== undefined) return `Waits for pack ${gap.from}`;
  return seal === null && nextPack === null ? 'Waits for the seal' : 'Not all yet';
};

export const Outputs = ({ hour }: Props): JSX.Element | null =>
  hour.outputs.length === 0 ? null : (
    <Part title="Outputs" note="in = delivered + dropped + rejected">
      <div class="scroll-table" tabIndex={0} role="region" aria-label="Outputs">
        <table>
          <thead>
            <tr>
              <td />
              {['In', 'Delivered', 'Dropped', 'Rejected', 'Difference'].map((name) => (
                <th key={name} class="right">
                  {name}
                </th>
              ))}
              <td />
            </tr>
          </thead>
          <tbody>
            {hour.outputs.map((each) => {
              const off =
                each.given === null ? null : each.delivered + each.dropped + each.rejected - each.given;
              return (
                <tr key={each.output}>
                  <td>{each.output}</td>
                  <td class="right">{each.given === null ? 'unknown' : count(each.given)}</td>
                  <td class="right">{count(each.delivered)}</td>
                  <td class={`right ${each.dropped === 0 ? 'muted' : ''}`}>{count(each.dropped)}</td>
                  <td class={`right ${each.rejected === 0 ? 'muted' : 'strong'}`}>{count(each.rejected)}</td>
                  <td class={`right ${off === null || off === 0 ? 'muted' : 'strong'}`}>
                    {off === null ? 'unknown' : difference(off)}
                  </td>
                  <td class="muted">{waitsFor(each, hour)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </Part>
  );

export const SealPart = ({ hour, segment }: Props): JSX.Element => {
  const { seal, sink, host, commands } = hour;
  const sha256 = seal?.sha256 ?? segment.expectedSha256;
  return (
    <Part title="Seal">
      <p>
        {seal === null
          ? `Not sealed. When every pack is here, ${sink} compares the hour with the SHA-256 that ${host} computed while reading, and seals it.`
          : `Sealed by ${sink} at ${stepTime(seal.sealedAt, hour.begins)}, generation ${seal.generation}.`}
      </p>
      {sha256 !== null && <CopyLine text={sha256} />}
      {sha256 !== null && (
        <p>To check it yourself, run sha256sum on the file on {host}: it must print this value.</p>
      )}
      {commands.map(({ what, command }) => (
        <div key={command}>
          <p>{what}</p>
          <CopyLine text={command} />
        </div>
      ))}
    </Part>
  );
};

export const SourcePart = ({ hour, segment }: Props): JSX.Element => {
  const { host } = hour;
  const words = {
    same: 'is unchanged: it still holds what was sent.',
    changed: `has changed since it was sent. ${segment.sourcePlace ?? ''}`,
    gone: 'is gone.',
    unchecked: 'was not checked yet.',
  } as const;
  return (
    <Part title="Source file">
      <p>
        The file on {host} <b class="strong">{words[segment.source]}</b>
      </p>
    </Part>
  );
};
