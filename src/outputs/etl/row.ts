/** The values of a line's columns: its fields, and what is derived from them when a column asks for it. */
import type { Fields } from '../../formats/format.ts';
import { addressToInteger, instantOf, queryMap, queryPairs, requestOf } from '../../formats/values.ts';
import type { DayAndHour } from './day-and-hour.ts';
import type { Derivations } from './derivations.ts';

export type Value = string | number | ReadonlyMap<string, string>;

/** The Go system's names for the same things. */
const GO_NAMES: Readonly<Record<string, string>> = {
  event_time: 'unix',
  event_ip: 'remote_addr',
  event_url: 'path',
  event_urlparams: 'params',
  event_day: 'day',
};
/** Fields that may hold the time of a line, in the order in which they are tried. */
export const TIMES = ['time_local', 'time_iso8601', 'msec', 'time', 'timestamp', 'ts', '@timestamp'];

/** What a column is called here. */
export const columnOf = (name: string): string => GO_NAMES[name] ?? name;

const textOf = (value: unknown): string =>
  value === undefined || value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value);

/** `a=1; b=2` as a map; of a name that comes again the first counts, as browsers send it first. */
const cookieMap = (text: string): Map<string, string> => {
  const map = new Map<string, string>();
  for (const each of text.split(';')) {
    const [name = '', ...value] = each.trim().split('=');
    if (name !== '' && name !== '-' && !map.has(name)) map.set(name, value.join('='));
  }
  return map;
};

const refererOf = (text: string): URL | null => (text.includes('://') ? URL.parse(text) : null);

/** Columns that are made of a whole row only: see quick-rows.ts. */
export const isSlowColumn = (name: string): boolean =>
  name === 'client' || name === 'cookies' || /^(?:referer_|agent_|lookup\.)/.test(name);

/** One line's columns. Made for each line; derives nothing before it is asked. */
export const rowOf = (fields: Fields, from: Derivations): ((column: string) => Value) => {
  const text = (field: string): string => textOf(fields[field]);
  const request = requestOf(text('request'));
  let instant: number | undefined;
  let timeField = '';
  const at = (): number | undefined => {
    for (const field of TIMES) {
      if (instant !== undefined) break;
      instant = field in fields ? instantOf(text(field)) : undefined;
      timeField = field;
    }
    return instant;
  };
  const dayAndHour = (): DayAndHour | undefined => {
    const ms = at();
    return ms === undefined ? undefined : from.dayAndHour(ms, text(timeField));
  };
  const iso = (): string => {
    const ms = at();
    return ms === undefined ? '' : new Date(ms).toISOString();
  };
  const query = (): string => request?.query ?? text('query');
  const parameter = (name: string): string => queryPairs(query()).find(([key]) => key === name)?.[1] ?? '';
  const cookie = (name: string): string =>
    text('http_cookie')
      .split('; ')
      .find((each) => each.startsWith(`${name}=`))
      ?.slice(name.length + 1) ?? '';

  const looked = (column: string): string => {
    const { lookup } = from;
    return lookup?.find(plainText(derived(columnOf(lookup.key))))?.get(column) ?? '';
  };

  const derived = (column: string): Value => {
    switch (column) {
      case 'time':
        return iso();
      case 'unix':
        return at() === undefined ? '' : Math.floor(at()! / 1000);
      case 'day':
        return dayAndHour()?.day ?? '';
      case 'hour':
        return dayAndHour()?.hour ?? '';
      case 'method':
        return request?.method ?? text('request_method');
      case 'path':
        return request?.path ?? text('path');
      case 'query':
        return query();
      case 'protocol':
        return request?.protocol ?? text('server_protocol');
      case 'params':
        return queryMap(query());
      case 'address_int':
        return addressToInteger(text('remote_addr')) ?? '';
      case 'spider':
        return from.findSpider(text('http_user_agent'));
      case 'client':
        return from.clientOf(text('remote_addr'), text('http_x_forwarded_for'));
      case 'cookies':
        return cookieMap(text('http_cookie'));
      case 'referer_host':
        return refererOf(text('http_referer'))?.host ?? '';
      case 'referer_path':
        return refererOf(text('http_referer'))?.pathname ?? '';
      case 'referer_params':
        return queryMap(refererOf(text('http_referer'))?.search.slice(1) ?? '');
      case 'agent_browser':
        return from.agentOf(text('http_user_agent')).browser;
      case 'agent_version':
        return from.agentOf(text('http_user_agent')).version;
      case 'agent_os':
        return from.agentOf(text('http_user_agent')).os;
      case 'agent_device':
        return from.agentOf(text('http_user_agent')).device;
      case '':
        return '';
      default:
        if (column.startsWith('lookup.')) return looked(column.slice('lookup.'.length));
        if (column.startsWith('param.')) return parameter(column.slice('param.'.length));
        if (column.startsWith('cookie.')) return cookie(column.slice('cookie.'.length));
        return column in fields ? text(column) : parameter(column);
    }
  };
  const plain = (column: string): string => plainText(derived(columnOf(column)));
  return (column) => from.computed.get(column)?.(plain) ?? derived(columnOf(column));
};

/** A value as the text of a partition or a condition. */
export const plainText = (value: Value): string =>
  typeof value === 'object' ? JSON.stringify(Object.fromEntries(value)) : String(value);
