/** Values that outputs make of fields: times, requests, query parameters, addresses. Pure, and never throwing. */

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
export const queryMap = (query: string): Map<string, string> => {
  const map = new Map<string, string>();
  for (const [key, value] of queryPairs(query)) {
    const before = map.get(key);
    map.set(key, before === undefined ? value : `${before},${value}`);
  }
  return map;
};

/** An IPv4 address as a number; undefined for anything else. */
export const addressToInteger = (text: string): number | undefined => {
  if (text.length < 7 || text.length > 15) return undefined;
  let [sum, part, digits, dots] = [0, 0, 0, 0];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === DOT) {
      if (digits === 0 || ++dots > 3) return undefined;
      sum = sum * 256 + part;
      [part, digits] = [0, 0];
      continue;
    }
    // A leading zero would be octal to some, decimal to others.
    if (code < ZERO || code > ZERO + 9 || (digits > 0 && part === 0)) return undefined;
    part = part * 10 + code - ZERO;
    if (++digits > 3 || part > 255) return undefined;
  }
  return dots === 3 && digits > 0 ? sum * 256 + part : undefined;
};
const DOT = 0x2e;
const ZERO = 0x30;
