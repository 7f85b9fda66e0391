/** Values that outputs make of fields: times, requests, query parameters, addresses. Pure, and never throwing. */
import ipaddr from 'ipaddr.js';
import { emptyFields } from './format.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const LOCAL = /^(\d{1,2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}):(\d{2}):(\d{2})(?: ([+-])(\d{2})(\d{2}))?$/;

/** Unix milliseconds of `22/Nov/2026:16:03:11 +0100`, of ISO 8601, or of seconds as nginx's $msec has them; undefined for anything else. */
export const instantOf = (text: string): number | undefined => {
  const local = LOCAL.exec(text);
  if (local !== null) {
    const [, day, name = '', year, hour, minute, second, sign, offsetHours, offsetMinutes] = local;
    const month = MONTHS.indexOf(name);
    if (month < 0) return undefined;
    const utc = Date.UTC(Number(year), month, Number(day), Number(hour), Number(minute), Number(second));
    const offset = (Number(offsetHours ?? 0) * 60 + Number(offsetMinutes ?? 0)) * 60_000;
    return sign === '-' ? utc + offset : utc - offset;
  }
  if (/^\d{9,10}(?:\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
  if (!/^\d{4}-\d{2}-\d{2}[T ]/.test(text)) return undefined;
  const parsed = Date.parse(text.replace(' ', 'T'));
  return Number.isNaN(parsed) ? undefined : parsed;
};

export interface RequestParts {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly protocol: string;
}

/** `GET /path?query HTTP/1.1` taken apart; undefined where it has other than three parts. */
export const requestOf = (request: string): RequestParts | undefined => {
  const [method = '', target = '', protocol = '', ...more] = request.split(' ');
  if (protocol === '' || more.length > 0 || method === '') return undefined;
  const mark = target.indexOf('?');
  return mark < 0
    ? { method, path: target, query: '', protocol }
    : { method, path: target.slice(0, mark), query: target.slice(mark + 1), protocol };
};

/** Percent escapes decoded as bytes; broken ones stay. Bytes that are not UTF-8 become U+FFFD. */
export const decodePercent = (text: string): string => {
  if (!text.includes('%')) return text;
  return text.replaceAll(/(?:%[0-9A-Fa-f]{2})+/g, (run) =>
    Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'),
  );
};

/** `a=1&b=x+y&a=2`: every parameter in order, decoded, repeated keys kept. */
export const queryPairs = (query: string): [string, string][] =>
  query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=');
      const [key, value] = equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
      return [decodePercent(key.replaceAll('+', ' ')), decodePercent(value.replaceAll('+', ' '))];
    });

/** Query parameters as a map; a key that comes again has its values joined by a comma. */
export const queryMap = (query: string): Record<string, string> => {
  const map = emptyFields() as Record<string, string>;
  for (const [key, value] of queryPairs(query)) map[key] = key in map ? `${map[key]},${value}` : value;
  return map;
};

/** An IPv4 address as a number; undefined for anything else. */
export const addressToInteger = (text: string): number | undefined => {
  if (!ipaddr.IPv4.isValidFourPartDecimal(text)) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = ipaddr.IPv4.parse(text).octets;
  return a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d;
};
