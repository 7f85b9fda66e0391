/** An open alert as a line: its state, what it is about, one sentence, since when, and where to look. */
import type { JSX } from 'preact';
import type { AlertsAnswer } from '../src/monitor/api/schemas.ts';
import { StateCell } from './cell.tsx';
import { when } from './format.ts';
import { serverNow } from './live.ts';
import { follow, hrefOf } from './route.ts';

type Alert = AlertsAnswer['open'][number];

/** The state that a key is about: `hours/L/access/20261126`, `node/web1`, `role/web1/agent`. */
export const letterOf = (key: string): string => (key.startsWith('hours/') ? (key[6] ?? 'L') : 'N');

const subjectOf = ({ key, title }: Alert): readonly [string, string] => {
  const [kind, name = ''] = key.split('/');
  if (kind === 'node') return [`node ${name}`, title];
  const [, subject = '', rest = title] = /^([^:]+): (.+)$/s.exec(title) ?? [];
  return [subject, `${rest.slice(0, 1).toUpperCase()}${rest.slice(1)}`];
};

const placeOf = (key: string): readonly [string, string] => {
  const [kind, name = '', stream = '', day = ''] = key.split('/');
  if (kind !== 'hours') return [hrefOf('nodes', { filter: name }), 'Open node'];
  return [hrefOf('completeness', { stream, from: `${day}00`, to: `${day}23` }), 'Open hours'];
};

export const AlertLine = ({ alert }: { readonly alert: Alert }): JSX.Element => {
  const [subject, text] = subjectOf(alert);
  const [href, label] = placeOf(alert.key);
  return (
    <li class="alert-line">
      <StateCell letter={letterOf(alert.key)} />
      <b>{subject}</b>
      <span class="text">{text}</span>
      <span class="muted since">since {when(alert.openedAt, serverNow.value)}</span>
      <a href={href} onClick={follow} aria-label={`${label}: ${subject}`}>
        {label}
      </a>
    </li>
  );
};
