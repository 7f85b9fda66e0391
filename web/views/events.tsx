/** Warnings and errors of all nodes: counted by kind, and one by one. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { EventGroupsAnswer, EventsAnswer } from '../../src/monitor/api/schemas.ts';
import { useQuery } from '../api.ts';
import { count, when } from '../format.ts';
import { serverNow } from '../live.ts';
import { address, change } from '../route.ts';

const SPANS: readonly (readonly [string, number])[] = [
  ['5 min', 5],
  ['1 hour', 60],
  ['1 day', 1_440],
];

const Groups = ({ minutes }: { readonly minutes: number }): JSX.Element => {
  const { data, error } = useQuery<EventGroupsAnswer>(`/api/events/groups?minutes=${minutes}`, ['events']);
  if (error !== undefined) return <p class="notice">Events could not be counted: {error}</p>;
  if (data !== undefined && data.groups.length === 0)
    return <p class="muted">No node has warned about anything in this time.</p>;
  return (
    <div class="scroll-table" tabIndex={0} role="region" aria-label="Events by kind">
      <table>
        <thead>
          <tr>
            <th class="right">Times</th>
            <th>Node</th>
            <th>Level</th>
            <th>The last one</th>
            <th class="right">When</th>
          </tr>
        </thead>
        <tbody>
          {data?.groups.map(({ node, event, level, count: times, message, last }) => (
            <tr key={`${node} ${event} ${level}`}>
              <td class="right strong">{count(times)}</td>
              <td>
                <button class="link" type="button" onClick={() => change({ node })}>
                  {node}
                </button>
              </td>
              <td>
                <span class={`level ${level}`}>{level}</span>
              </td>
              <td>
                {message}
                {event !== '' && (
                  <div>
                    <button class="link small" type="button" onClick={() => change({ event })}>
                      {event}
                    </button>
                  </div>
                )}
              </td>
              <td class="right muted">{when(last, serverNow.value)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
};

const List = (): JSX.Element => {
  const { params } = address.value;
  const wanted = ['node', 'level', 'event', 'text'].flatMap((name) => {
    const value = params[name];
    return value === undefined ? [] : [[name, value] as [string, string]];
  });
  const [before, setBefore] = useState<number>();
  const search = new URLSearchParams([
    ...wanted,
    ...(before === undefined ? [] : [['before', String(before)]]),
  ]);
  const { data, error } = useQuery<EventsAnswer>(
    `/api/events?${search.toString()}`,
    before === undefined ? ['events'] : [],
  );
  if (error !== undefined) return <p class="notice">Events could not be read: {error}</p>;
  return (
    <>
      <div class="scroll-table" tabIndex={0} role="region" aria-label="Events">
        <table>
          <tbody>
            {data?.events.map((event) => (
              <tr key={event.id}>
                <td class="muted">{when(event.at, serverNow.value)}</td>
                <td>{event.node}</td>
                <td>
                  <span class={`level ${event.level}`}>{event.level}</span>
                </td>
                <td>{event.message}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {data !== undefined && data.events.length === 0 && <p class="muted">Nothing matches.</p>}
      <p class="controls">
        {before !== undefined && (
          <button class="button" type="button" onClick={() => setBefore(undefined)}>
            Newest
          </button>
        )}
        {data?.next !== null && data !== undefined && (
          <button class="button" type="button" onClick={() => setBefore(data.next ?? undefined)}>
            Older
          </button>
        )}
      </p>
    </>
  );
};

export const EventsView = (): JSX.Element => {
  const { params } = address.value;
  const minutes = Number(params['minutes'] ?? 60);
  return (
    <>
      <header class="verdict view">
        <span />
        <h1>Warnings and errors</h1>
      </header>
      <div class="controls">
        <input
          class="field"
          type="search"
          aria-label="Search messages"
          placeholder="Part of a message"
          value={params['text'] ?? ''}
          onInput={(event) => change({ text: event.currentTarget.value }, true)}
        />
        <div class="segments" role="group" aria-label="Level">
          {[undefined, 'warn', 'error'].map((level) => (
            <button
              key={level}
              type="button"
              aria-pressed={params['level'] === level}
              onClick={() => change({ level })}
            >
              {level ?? 'All'}
            </button>
          ))}
        </div>
        {(['node', 'event'] as const).map(
          (name) =>
            params[name] !== undefined && (
              <button key={name} class="button" type="button" onClick={() => change({ [name]: undefined })}>
                {name} {params[name]} ×
              </button>
            ),
        )}
        <div class="push">
          <div class="segments" role="group" aria-label="Time">
            {SPANS.map(([label, span]) => (
              <button
                key={span}
                type="button"
                aria-pressed={minutes === span}
                onClick={() => change({ minutes: String(span) })}
              >
                {label}
              </button>
            ))}
          </div>
        </div>
      </div>
      <section>
        <h2>By kind</h2>
        <Groups minutes={minutes} />
      </section>
      <section>
        <h2>One by one</h2>
        <List />
      </section>
    </>
  );
};
