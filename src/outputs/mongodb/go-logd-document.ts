/**
 * The documents of the Go system, from a line of its access logs:
 *
 *   br.example.com 203.0.113.7 … [22/Nov/2026:16:03:11 +0100] "GET /hit?a=1&transaction_id=t7 HTTP/1.1" …
 *   → { br_a: "1", transaction_id: "t7", br_ipinlong: 3405803783, br_time: 1795359791, br_day: 20261122, br_hour: 16 }
 *
 * Every query parameter is a text field, prefixed with the first label of the line's host; `transaction_id` alone has no prefix, so lines
 * of one transaction from several hosts merge into one document. Of a parameter that is given more than once, the first counts.
 */
export type GoLogdLine = { readonly fields: Record<string, unknown> } | { readonly skip: string };

const KEY = 'transaction_id';
const TIME = /\[(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})\]/;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const REQUEST = /"([^"]*)"/;

/** `203.0.113.7` → 3405803783; undefined for what is no IPv4 address. */
export const addressAsInteger = (text: string): number | undefined => {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  let value = 0;
  for (const part of match.slice(1)) {
    if (Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return value;
};

interface LineTime {
  readonly unixSeconds: number;
  readonly day: number;
  readonly hour: number;
}

/** A time as web servers write it; day and hour are those of its own zone. */
export const readLineTime = (text: string): LineTime | undefined => {
  const match = TIME.exec(text);
  if (match === null) return undefined;
  const [, day = '', monthName = '', year = '', hour = '', minute = '', second = '', sign, zh, zm] = match;
  const month = MONTHS.indexOf(monthName);
  if (month < 0) return undefined;
  const offset = (sign === '-' ? -1 : 1) * (Number(zh) * 60 + Number(zm)) * 60;
  const local = Date.UTC(Number(year), month, Number(day), Number(hour), Number(minute), Number(second));
  return {
    unixSeconds: local / 1000 - offset,
    day: Number(year) * 10_000 + (month + 1) * 100 + Number(day),
    hour: Number(hour),
  };
};

/** Whole numbers beyond 32 bits are stored as 64-bit integers, not as fractions. */
const whole = (value: number): number | bigint => (value > 0x7fff_ffff ? BigInt(value) : value);

/** The fields of a line, or why the Go system skips such lines. */
export const goLogdFields = (line: string): GoLogdLine => {
  const request = REQUEST.exec(line)?.[1]?.split(' ') ?? [];
  if (request.length !== 3) return { skip: 'the request does not have three parts' };
  const target = request[1] ?? '';
  const mark = target.indexOf('?');
  const query = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1));
  const key = query.get(KEY);
  if (key === null || key === '') return { skip: `there is no ${KEY}` };
  const [host = '', address = ''] = line.split(' ', 2);
  const prefix = `${host.split('.', 1)[0] ?? ''}_`;
  const fields = new Map<string, unknown>([[KEY, key]]);
  for (const [name, value] of query) {
    const stored = name === KEY ? KEY : prefix + name;
    if (!fields.has(stored)) fields.set(stored, value);
  }
  const ip = addressAsInteger(address);
  if (ip !== undefined) fields.set(`${prefix}ipinlong`, whole(ip));
  const time = readLineTime(line);
  if (time !== undefined) {
    fields.set(`${prefix}time`, whole(time.unixSeconds));
    fields.set(`${prefix}day`, time.day);
    fields.set(`${prefix}hour`, time.hour);
  }
  return { fields: Object.fromEntries(fields) };
};
