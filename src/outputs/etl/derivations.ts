/** What columns are made of besides a line's fields: words, proxies that are trusted, tables to look things up in, and a parser of user agents. */
import { parse as parseAgent } from 'bowser';
import { LogdError } from '../../error.ts';
import type { Compute } from './computed.ts';
import type { FindDayAndHour } from './day-and-hour.ts';
import type { FindNeedle } from './needles.ts';

const MOST_KNOWN = 50_000;

/** What a user agent says of itself; empty where it does not. */
export interface Agent {
  readonly browser: string;
  readonly version: string;
  readonly os: string;
  /** `desktop`, `mobile`, `tablet`, `tv`, `bot`. */
  readonly device: string;
}

/** One table to look things up in. */
export interface LookupTable {
  /** The column whose value is looked up. */
  readonly key: string;
  /** The columns that it gives. */
  readonly columns: readonly string[];
  find(value: string): ReadonlyMap<string, string> | undefined;
}

export interface Derivations {
  readonly findSpider: FindNeedle;
  /** The last address of the forwarded list that no trusted proxy has; the peer's own where that is not trusted. */
  clientOf(peer: string, forwarded: string): string;
  agentOf(text: string): Agent;
  readonly dayAndHour: FindDayAndHour;
  readonly lookup: LookupTable | undefined;
  /** Columns that are computed, by name. */
  readonly computed: ReadonlyMap<string, Compute>;
}

const agents = (): ((text: string) => Agent) => {
  const known = new Map<string, Agent>();
  return (text) => {
    const found = known.get(text);
    if (found !== undefined) return found;
    const { browser, os, platform } = parseAgent(text === '' ? '-' : text.slice(0, 2_000));
    const agent = {
      ...{ browser: browser.name ?? '', version: browser.version ?? '' },
      ...{ os: os.name ?? '', device: platform.type ?? '' },
    };
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(text, agent);
    return agent;
  };
};

const clientFinder =
  (isTrusted: (address: string) => boolean) =>
  (peer: string, forwarded: string): string => {
    if (!isTrusted(peer)) return peer;
    const hops = forwarded
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== '' && each !== '-');
    // From the right: what is left of the first that is not trusted may be made up.
    return hops.findLast((hop) => !isTrusted(hop)) ?? hops[0] ?? peer;
  };

/**
 * A table from CSV cells: the first line names the columns, the first of them is the key. Throws `config` where a line has other
 * cells than the first, or a key comes twice.
 */
export const lookupOf = (rows: readonly (readonly string[])[], path: string): LookupTable => {
  const [head = [], ...body] = rows;
  const [key = '', ...columns] = head;
  if (key === '' || columns.length === 0)
    throw new LogdError('config', `The first line of ${path} must name the key and at least one column.`);
  const entries = new Map<string, ReadonlyMap<string, string>>();
  for (const [n, row] of body.entries()) {
    const [value = '', ...cells] = row;
    if (cells.length !== columns.length || entries.has(value))
      throw new LogdError(
        'config',
        `Line ${n + 2} of ${path} ${entries.has(value) ? `has the key ${JSON.stringify(value)} again` : `has ${row.length} cells instead of ${head.length}`}.`,
      );
    entries.set(value, new Map(columns.map((column, at) => [column, cells[at] ?? ''])));
  }
  return { key, columns, find: (value) => entries.get(value) };
};

export const derivations = (options: {
  readonly findSpider: FindNeedle;
  readonly isTrusted: (address: string) => boolean;
  readonly lookup: LookupTable | undefined;
  readonly computed: ReadonlyMap<string, Compute>;
  readonly dayAndHour: FindDayAndHour;
}): Derivations => ({
  findSpider: options.findSpider,
  clientOf: clientFinder(options.isTrusted),
  agentOf: agents(),
  dayAndHour: options.dayAndHour,
  lookup: options.lookup,
  computed: options.computed,
});
