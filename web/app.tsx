/** The frame around every view: navigation, clock, old-data banner, theme. */
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { SessionAnswer, VerdictAnswer } from '../src/monitor/api/schemas.ts';
import { ask, useQuery } from './api.ts';
import { clock, clockSeconds, dayName, duration } from './format.ts';
import { iconOf, titleOf } from './headline.ts';
import { Help, isHelpOpen } from './help.tsx';
import { ageSeconds, isOld, isSignedOut, lastHeard, nextTry, now, refreshAll, serverNow } from './live.ts';
import { wantsLargeCells } from './preferences.ts';
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

/** From then on the page says how old its data is, instead of that it is live. */
const OLD_S = 10;

const Banner = (): JSX.Element => (
  <div class="banner" role="alert">
    <p>
      <svg viewBox="0 0 18 18" width="18" height="18" aria-hidden="true" fill="none" stroke="currentColor">
        <path d="M9 5v5h3.6" stroke-width="2" />
      </svg>
      <span class="hidden-label">
        This page is old: the monitor does not answer. Last data {clockSeconds(lastHeard.value)}.
      </span>
      <span aria-hidden="true">
        This page is {duration(ageSeconds.value)} old: the monitor does not answer. Last data{' '}
        {clockSeconds(lastHeard.value)}. Trying again
        {nextTry.value === undefined
          ? '.'
          : ` in ${Math.max(0, Math.ceil((nextTry.value - now.value) / 1000))} s.`}
      </span>
    </p>
  </div>
);

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
          {ageSeconds.value < OLD_S
            ? `Live, ${ageSeconds.value} s ago`
            : `Last data ${duration(ageSeconds.value)} ago`}
        </span>
        <time title={new Date(serverNow.value).toLocaleString()}>
          <span class="date">{dayName(serverNow.value)} </span>
          {clock(serverNow.value)} UTC
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
    <button
      type="button"
      aria-pressed={wantsLargeCells.value}
      onClick={() => (wantsLargeCells.value = !wantsLargeCells.value)}
    >
      Large cells
    </button>
    <button type="button" onClick={() => (isHelpOpen.value = true)}>
      Keys
    </button>
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
    document.title = verdict === undefined ? 'logd' : `${titleOf(verdict)}, logd`;
    document.querySelector('#icon')?.setAttribute('href', iconOf(verdict?.kind, isOld.value));
  }, [verdict?.headline, isOld.value]);
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
      {isOld.value && <Banner />}
      <main class={isOld.value ? 'old' : ''}>{viewOf(view, verdict, session)}</main>
      <Help />
      <Footer session={session} software={verdict?.software ?? ''} />
    </>
  );
};
