/** What is wrong now, what was, and whether people can be told. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { AlertsAnswer } from '../../src/monitor/api/schemas.ts';
import { AlertLine, inOrder, letterOf } from '../alert-line.tsx';
import { ask, useQuery } from '../api.ts';
import { StateCell } from '../cell.tsx';
import { duration, when } from '../format.ts';
import { serverNow } from '../live.ts';

type TestAnswer = { readonly results: readonly { readonly name: string; readonly error?: string }[] };

const Test = ({
  notifiers,
  mayAct,
}: {
  readonly notifiers: readonly string[];
  readonly mayAct: boolean;
}): JSX.Element => {
  const [said, setSaid] = useState<string>();
  if (notifiers.length === 0)
    return (
      <p class="muted">
        Nobody is told: set <code>monitor.alerts.webhook</code>, <code>smtp</code> or <code>command</code>.
      </p>
    );
  const test = (): void => {
    setSaid('Sending …');
    ask<TestAnswer>('/api/alerts/test', { method: 'POST', body: '{}' }).then(
      ({ results }) =>
        setSaid(
          results
            .map(({ name, error }) => (error === undefined ? `${name}: sent.` : `${name}: ${error}`))
            .join(' '),
        ),
      (error: unknown) => setSaid(error instanceof Error ? error.message : String(error)),
    );
  };
  return (
    <p class="controls">
      <button class="button" type="button" disabled={!mayAct} onClick={test}>
        Send a test message
      </button>
      <span class="muted" role="status">
        {said ?? (mayAct ? `It goes to: ${notifiers.join(', ')}.` : 'This needs the role operate.')}
      </span>
    </p>
  );
};

export const AlertsView = ({ mayAct }: { readonly mayAct: boolean }): JSX.Element => {
  const { data, error } = useQuery<AlertsAnswer>('/api/alerts', ['alerts']);
  const open = inOrder(data?.open ?? [], serverNow.value);
  const past = (data?.history ?? []).filter(({ resolvedAt }) => resolvedAt !== undefined);
  return (
    <>
      <header class="verdict view" aria-live="polite">
        <StateCell letter={open.length > 0 ? letterOf(open[0]?.key ?? '') : 'S'} />
        <h1>
          {data === undefined
            ? 'Reading …'
            : open.length === 0
              ? 'No alerts.'
              : open.length === 1
                ? '1 open alert.'
                : `${open.length} open alerts.`}
        </h1>
      </header>
      {error !== undefined && <p class="notice">Alerts could not be read: {error}</p>}
      {data !== undefined && <Test notifiers={data.notifiers} mayAct={mayAct} />}
      {open.length > 0 && (
        <section>
          <h2>Open</h2>
          <ul class="alert-lines">
            {open.map((alert) => (
              <AlertLine key={alert.id} alert={alert} />
            ))}
          </ul>
        </section>
      )}
      {past.length > 0 && (
        <section>
          <h2>Over</h2>
          <table>
            <tbody>
              {past.map((alert) => (
                <tr key={alert.id}>
                  <td>{alert.title}</td>
                  <td class="right muted">
                    {when(alert.openedAt, serverNow.value)}, for{' '}
                    {duration(((alert.resolvedAt ?? 0) - alert.openedAt) / 1000)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </>
  );
};
