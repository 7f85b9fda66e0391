/** The address of the page says everything that it shows: view, stream, zoom, time, filter, open hour. */
import { signal } from '@preact/signals';

export const VIEWS = ['overview', 'completeness', 'nodes', 'events', 'alerts'] as const;
export type View = (typeof VIEWS)[number];

export interface Address {
  readonly view: View;
  readonly params: Readonly<Record<string, string>>;
}

const read = (): Address => {
  const path = location.pathname.slice(1);
  return {
    view: VIEWS.find((view) => view === path) ?? 'overview',
    params: Object.fromEntries(new URLSearchParams(location.search)),
  };
};

export const address = signal<Address>(read());

export const hrefOf = (view: View, params: Readonly<Record<string, string | undefined>> = {}): string => {
  const kept = Object.entries(params).filter((entry): entry is [string, string] => (entry[1] ?? '') !== '');
  const search = new URLSearchParams(kept).toString();
  return `/${view === 'overview' ? '' : view}${search === '' ? '' : `?${search}`}`;
};

export const go = (href: string, replace = false): void => {
  if (replace) history.replaceState(null, '', href);
  else history.pushState(null, '', href);
  address.value = read();
};

/** Changes some of what the address says; `undefined` takes it out. */
export const change = (params: Readonly<Record<string, string | undefined>>, replace = false): void =>
  go(hrefOf(address.value.view, { ...address.value.params, ...params }), replace);

addEventListener('popstate', () => (address.value = read()));

/** Follows a link inside the page without loading it again. */
export const follow = (event: MouseEvent): void => {
  const link = event.currentTarget as HTMLAnchorElement;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  go(link.pathname + link.search);
};
