/** An open alert as a line: its state, what it is about, one sentence, since when, and where to look. */
import type { JSX } from 'preact';
import type { AlertsAnswer } from '../src/monitor/api/schemas.ts';
import { StateCell } from './cell.tsx';
import { labelOf, when } from './format.ts';
import { serverNow } from './live.ts';
import { follow, hrefOf } from './route.ts';

type Alert = AlertsAnswer['open'][number];

/** The state that a key is about: `hours/L/access/20261126`, `node/web1`, `role/web1/agent`. */
export const letterOf = (key: string): string => (key.startsWith('hours/') ? (key[6] ?? 'L') : 'N');

/** Those of today and yesterday before older ones, nodes between them; the worst state first, then the newest. */
export const inOrder = (alerts: readonly Alert[], now: number): Alert[] => {
  const yesterday = labelOf(now - 86_400_000).slice(0, 8);
  const rank = ({ key }: Alert): number => {
    const [kind, , , day = ''] = key.split('/');
    return kind !== 'hours' ? 1 : day >= yesterday ? 0 : 2;
  };
  const state = ({ key }: Alert): number => 'RINL'.indexOf(letterOf(key));
  return alerts.toSorted((a, b) => rank(a) - rank(b) || state(a) - state(b) || b.openedAt - a.openedAt);
};

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
