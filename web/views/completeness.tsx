/** The matrix of a stream: hosts × hours, days or months; a cell opens its hour. */
import type { JSX } from 'preact';
import { useMemo, useRef, useState } from 'preact/hooks';
import type {
  NodesAnswer,
  StatesAnswer,
  StructureAnswer,
  VerdictAnswer,
} from '../../src/monitor/api/schemas.ts';
import { useQuery } from '../api.ts';
import { Drawer } from '../drawer.tsx';
import { count } from '../format.ts';
import { isHelpOpen } from '../help.tsx';
import { parseFilter, stateTerm } from '../host-filter.ts';
import { serverNow } from '../live.ts';
import { Matrix } from '../matrix.tsx';
import {
  layoutOf,
  type MatrixRow,
  type Order,
  troubledHosts,
  windowStart,
  type Zoom,
} from '../matrix-model.ts';
import { hasLargeCells } from '../preferences.ts';
import { address, change } from '../route.ts';
import { decode, STATES } from '../states.ts';
import { VerdictLine } from '../verdict.tsx';
import { Controls, Legend, NextProblem, orderOf, Streams, ZOOMS } from './completeness-controls.tsx';

/** Names that play a role, where the filter asks for one. */
const useRoles = (roles: readonly string[]): ReadonlySet<string> | undefined => {
  const { data } = useQuery<NodesAnswer>(roles.length === 0 ? undefined : '/api/nodes', ['nodes']);
  const key = roles.join();
  return useMemo(
    () =>
      roles.length === 0
        ? undefined
        : new Set(
            (data?.nodes ?? [])
              .filter(({ role }) => roles.some((wanted) => role.includes(wanted)))
              .map(({ name }) => name),
          ),
    [key, data],
  );
};

/** Rows that a filter lets through. */
const useFiltered = (rows: readonly MatrixRow[], filter: string): readonly MatrixRow[] => {
  const parsed = useMemo(() => parseFilter(filter), [filter]);
  const names = useRoles(parsed.roles);
  return useMemo(() => {
    const letters = STATES.filter(([, name]) =>
      parsed.states.some((wanted) => stateTerm(name).startsWith(`state:${wanted}`)),
    ).map(([letter]) => letter);
    return rows.filter(
      (row) =>
        parsed.isNamed(row.host) &&
        (parsed.states.length === 0 || letters.some((letter) => row.letters.includes(letter))) &&
        (names === undefined || names.has(row.host)),
    );
  }, [rows, parsed, names]);
};

/** Hosts with a problem as they were when the order was asked for: rows never move by themselves. */
const useTop = (rows: readonly MatrixRow[], columns: readonly string[], key: string) => {
  const now = useMemo(() => troubledHosts(rows, windowStart(columns, serverNow.peek())), [rows, columns]);
  const kept = useRef<{ readonly key: string; readonly top: readonly string[] } | undefined>(undefined);
  const [, draw] = useState(0);
  if (kept.current?.key !== key) kept.current = { key, top: now };
  return {
    top: kept.current.top,
    isOld: kept.current.top.join() !== now.join(),
    sort: () => {
      kept.current = { key, top: now };
      draw((n) => n + 1);
    },
  };
};

const rowsOf = (states: StatesAnswer): MatrixRow[] => {
  const weights = new Map(states.weights ?? []);
  const unknown = new Set(states.unknown);
  return states.hosts.map(([host, coded]) => ({
    ...{ host, coded, letters: decode(coded), weights: weights.get(host) ?? [] },
    isUnknown: unknown.has(host),
  }));
};

const queryOf = (params: Readonly<Record<string, string>>): string => {
  const wanted = ['stream', 'zoom', 'from', 'to'].flatMap((name) => {
    const value = params[name];
    return value === undefined ? [] : [[name, value] as [string, string]];
  });
  return new URLSearchParams(wanted).toString();
};

const Empty = ({
  stream,
  filter,
  all,
}: {
  readonly stream: string;
  readonly filter: string;
  readonly all: number;
}): JSX.Element =>
  all > 0 ? (
    <p class="notice">
      No host matches "{filter}".{' '}
      <button class="link" type="button" onClick={() => change({ filter: undefined })}>
        Clear filter.
      </button>
    </p>
  ) : (
    <p class="notice">
      {stream === '' ? 'No hour has come yet.' : `Nothing is expected for ${stream}.`}{' '}
      <code>logd expect add {stream || 'STREAM'} HOST</code> changes that.
    </p>
  );

const NO_HOSTS: readonly string[] = [];

const MatrixBox = ({
  structure,
  states,
  zoom,
  order,
}: {
  readonly structure: StructureAnswer;
  readonly states: StatesAnswer;
  readonly zoom: Zoom;
  readonly order: Order;
}): JSX.Element => {
  const { params } = address.value;
  const { stream, columns } = structure;
  const filter = params['filter'] ?? '';
  const rows = useMemo(() => rowsOf(states), [states]);
  const shown = useFiltered(rows, filter);
  const isByName = order === 'name';
  const view = [stream, zoom, order, params['from'], params['to']].join();
  const { top, isOld, sort } = useTop(rows, columns, view);
  const [pins, setPins] = useState<readonly string[]>(NO_HOSTS);
  const pinned = isByName ? NO_HOSTS : pins;
  const pitch = hasLargeCells.value ? 26 : 20;
  const layout = useMemo(
    () =>
      layoutOf(shown, {
        ...{ top: isByName ? NO_HOSTS : top, pinned, pitch },
        isThin: !isByName && zoom !== 'hours',
      }),
    [shown, top, pinned, isByName, zoom, pitch],
  );
  const worst = useMemo(() => decode(states.worst), [states.worst]);
  const [openHost, openHour] = (params['hour'] ?? '').split('/');
  return (
    <>
      <p class="shown muted small" role="status">
        {filter !== '' && `${count(shown.length)} of ${count(rows.length)} hosts shown`}
      </p>
      {isOld && !isByName && (
        <p class="small order">
          Order changed.{' '}
          <button class="link" type="button" onClick={sort}>
            Sort again
          </button>
        </p>
      )}
      {shown.length === 0 ? (
        <Empty stream={stream} filter={filter} all={rows.length} />
      ) : (
        <Matrix
          {...{ stream, zoom, columns, worst, layout, pinned, all: rows, lateAfterMs: states.lateAfterMs }}
          pin={(host) => setPins((all) => (all.includes(host) ? all : [...all, host]))}
          unpin={(host) => setPins((all) => all.filter((each) => each !== host))}
          open={
            openHost === undefined || openHour === undefined
              ? undefined
              : { host: openHost, column: openHour }
          }
        />
      )}
    </>
  );
};

const Rule = ({ zoom }: { readonly zoom: Zoom }): JSX.Element => (
  <div class="rule">
    <p>
      <b>
        {zoom === 'hours'
          ? 'The top row shows the worst host:'
          : `A ${zoom.slice(0, -1)} shows its worst hour:`}
      </b>{' '}
      refused, then incomplete, silent, late, receiving, sealed, empty.
      {zoom !== 'hours' && ' The number counts hours in that state; in the top row it counts hosts.'}
    </p>
    <p class="hide-small">
      <kbd>↑</kbd> <kbd>↓</kbd> <kbd>←</kbd> <kbd>→</kbd> move <kbd>N</kbd> next problem <kbd>Enter</kbd> open{' '}
      <button class="link" type="button" onClick={() => (isHelpOpen.value = true)}>
        All keys
      </button>
    </p>
    <NextProblem class="hide-small" />
  </div>
);

export const CompletenessView = ({
  verdict,
}: {
  readonly verdict: VerdictAnswer | undefined;
}): JSX.Element => {
  const { params } = address.value;
  const zoom = ZOOMS.find((each) => each === params['zoom']) ?? 'hours';
  const query = queryOf(params);
  const topics = ['hours', 'verdict'] as const;
  const { data: structure, error } = useQuery<StructureAnswer>(
    `/api/completeness/structure?${query}`,
    topics,
  );
  const { data: states, error: stateError } = useQuery<StatesAnswer>(
    `/api/completeness/states?${query}`,
    topics,
  );
  const [openHost, openHour] = (params['hour'] ?? '').split('/');
  const failure = error ?? stateError;
  if (structure === undefined || states === undefined)
    return (
      <>
        <VerdictLine verdict={verdict} view />
        <p class="notice">{failure ?? 'Reading the hours.'}</p>
      </>
    );
  const order = orderOf(zoom, params['order']);
  // The two answers come one after the other: what is drawn is of one question.
  const isWhole = structure.zoom === states.zoom && structure.columns.length === states.columns;
  return (
    <div class={openHour === undefined ? '' : 'beside-drawer'}>
      <Streams structure={structure} problems={states.problems} />
      <VerdictLine verdict={verdict} view />
      <Controls zoom={zoom} order={order} columns={structure.columns} />
      <Legend counts={states.counts} zoom={zoom} />
      {failure !== undefined && <p class="notice">{failure}</p>}
      {isWhole && <MatrixBox {...{ structure, states, order }} zoom={structure.zoom} />}
      <Rule zoom={zoom} />
      {openHost !== undefined && openHost !== '' && openHour !== undefined && (
        <Drawer stream={structure.stream} host={openHost} hour={openHour} />
      )}
    </div>
  );
};
