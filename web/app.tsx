/** The frame around every view: navigation, clock, old-data banner, theme. */
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { SessionAnswer, VerdictAnswer } from '../src/monitor/api/schemas.ts';
import { ask, useQuery } from './api.ts';
import { clock, clockSeconds, dayName, duration } from './format.ts';
import { ageSeconds, isOld, isSignedOut, lastHeard, refreshAll, serverNow } from './live.ts';
import { address, follow, hrefOf, type View, VIEWS } from './route.ts';
import { chooseTheme, theme, type Theme } from './theme.ts';
import { AlertsView } from './views/alerts.tsx';
import { CompletenessView } from './views/completeness.tsx';
import { EventsView } from './views/events.tsx';
import { NodesView } from './views/nodes.tsx';
import { OverviewView } from './views/overview.tsx';
import { SignIn } from './views/sign-in.tsx';

const TITLES: Readonly<Record<View, string>> = {
  ...{
    overview: 'Overview',
    completeness: 'Completeness',
    nodes: 'Nodes',
    events: 'Events',
    alerts: 'Alerts',
  },
};

const TopBar = ({ alerts }: { readonly alerts: number }): JSX.Element => (
  <header class="bar">
    <div class="bar-inner">
      <a class="brand" href="/" onClick={follow}>
        logd
      </a>
      <nav aria-label="Views">
        {VIEWS.map((view) => (
          <a
            key={view}
            href={hrefOf(view)}
            onClick={follow}
            {...(address.value.view === view ? { 'aria-current': 'page' as const } : {})}
          >
            {TITLES[view]}
            {view === 'alerts' && alerts > 0 && <span class="count">{alerts}</span>}
          </a>
        ))}
      </nav>
      <p class="clock small">
        <span class="muted age">
          {ageSeconds.value < 10 ? 'Live' : `Last data ${duration(ageSeconds.value)} ago`}
        </span>
        <time title={new Date(serverNow.value).toLocaleString()}>
          {dayName(serverNow.value)} {clock(serverNow.value)} UTC
        </time>
      </p>
    </div>
  </header>
);

const THEMES: readonly (readonly [Theme, string])[] = [
  ['system', 'As the system'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];

const Footer = ({
  session,
  software,
}: {
  readonly session: SessionAnswer | undefined;
  readonly software: string;
}) => (
  <footer>
    {THEMES.map(([value, label]) => (
      <button
        key={value}
        type="button"
        aria-pressed={theme.value === value}
        onClick={() => chooseTheme(value)}
      >
        {label}
      </button>
    ))}
    <span class="muted small">{software}</span>
    {session?.name !== null && session?.name !== undefined && session.name !== 'local' && (
      <button
        type="button"
        onClick={() => {
          void ask('/api/session', { method: 'DELETE' }).then(() => (isSignedOut.value = true));
        }}
      >
        Sign out {session.name}
      </button>
    )}
  </footer>
);

const viewOf = (
  view: View,
  verdict: VerdictAnswer | undefined,
  session: SessionAnswer | undefined,
): JSX.Element => {
  const mayAct = session?.role === 'operate';
  switch (view) {
    case 'overview':
      return <OverviewView verdict={verdict} />;
    case 'completeness':
      return <CompletenessView verdict={verdict} />;
    case 'nodes':
      return <NodesView />;
    case 'events':
      return <EventsView />;
    case 'alerts':
      return <AlertsView mayAct={mayAct} />;
  }
};

export const App = (): JSX.Element => {
  const { data: session } = useQuery<SessionAnswer>('/api/session', []);
  const { data: verdict } = useQuery<VerdictAnswer>('/api/verdict', ['verdict', 'alerts', 'hours']);
  const { view } = address.value;
  useEffect(() => {
    document.title = `${verdict === undefined ? '' : `${verdict.headline} `}${TITLES[view]}, logd`;
  }, [view, verdict?.headline]);
  if (isSignedOut.value || session?.mustSignIn === true)
    return (
      <SignIn
        done={() => {
          isSignedOut.value = false;
          location.reload();
          refreshAll();
        }}
      />
    );
  return (
    <>
      <TopBar alerts={verdict?.alerts ?? 0} />
      {isOld.value && (
        <div class="banner" role="alert">
          <p>
            This page is {duration(ageSeconds.value)} old: the monitor does not answer. Last data{' '}
            {clockSeconds(lastHeard.value)}. It is tried again by itself.
          </p>
        </div>
      )}
      <main class={isOld.value ? 'old' : ''}>{viewOf(view, verdict, session)}</main>
      <Footer session={session} software={verdict?.software ?? ''} />
    </>
  );
};
