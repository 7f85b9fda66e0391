/** What nodes say of themselves that somebody must look at: they do not answer, a part of theirs fails, a spool fills. */
import { formatBytes } from '../../text/terminal.ts';
import type { AlertProblem, Severity } from '../alerts/alert-table.ts';
import type { WatchedNode } from './heartbeats.ts';

/** Percent of its bound from which a spool is a warning, and an error. */
export interface SpoolAlarm {
  readonly warn: number;
  readonly error: number;
}

/** An alert stays as it is until the spool is so many percent below: one that goes up and down at the limit is told once. */
const STAYS_PERCENT = 5;

const silentNodes = (views: readonly WatchedNode[]): AlertProblem[] =>
  views
    .filter(({ down }) => down)
    .map(({ label, reason = '' }) => ({
      key: `node/${label}`,
      severity: 'error',
      title: `${label} does not answer: ${reason}.`,
    }));

const failingRoles = (views: readonly WatchedNode[]): AlertProblem[] =>
  views.flatMap(({ label, status }) =>
    (status?.roles ?? []).flatMap(({ role, state, reason }) =>
      state === 'failed' || state === 'degraded'
        ? [
            {
              key: `role/${label}/${role}`,
              severity: 'warn' as const,
              title: `${label}, ${role}: ${reason ?? state}`,
            },
          ]
        : [],
    ),
  );

const severityOf = (percent: number, { warn, error }: SpoolAlarm, is?: Severity): Severity | undefined => {
  const stays = is === undefined ? 0 : STAYS_PERCENT;
  if (percent >= error - (is === 'error' ? stays : 0)) return 'error';
  return percent >= warn - stays ? 'warn' : undefined;
};

/** `open`: how bad the alert is that is open under this key. The sentence stays the same while the spool fills. */
const fillingSpools = (
  views: readonly WatchedNode[],
  limits: SpoolAlarm,
  open: (key: string) => Severity | undefined,
): AlertProblem[] =>
  views.flatMap(({ label, status }) =>
    (status?.roles ?? []).flatMap(({ role, gauges }) => {
      const gauge = gauges.find(({ name }) => name === 'spool_bytes');
      if (gauge?.limit === undefined || gauge.limit <= 0) return [];
      const key = `spool/${label}/${role}`;
      const severity = severityOf((100 * gauge.value) / gauge.limit, limits, open(key));
      if (severity === undefined) return [];
      const title = `${label}: its spool is filled to ${limits[severity]} % of ${formatBytes(gauge.limit)}. The next hop is slow or away. Nothing is lost: when the spool is full, senders wait. Look at the next hop.`;
      return [{ key, severity, title }];
    }),
  );

export const nodeProblems = (
  views: readonly WatchedNode[],
  limits: SpoolAlarm,
  open: (key: string) => Severity | undefined,
): AlertProblem[] => [...silentNodes(views), ...failingRoles(views), ...fillingSpools(views, limits, open)];
