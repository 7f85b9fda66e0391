/**
 * Apache `LogFormat` strings, with the field names that nginx has for the same things.
 * Source: https://httpd.apache.org/docs/current/mod/mod_log_config.html#formats
 */
import { LogdError } from '../error.ts';
import type { LineFormat } from './format.ts';
import { logFormat, type FormatPart } from './log-format.ts';

const NAMES: Readonly<Record<string, string>> = {
  h: 'remote_addr',
  a: 'remote_addr',
  l: 'remote_ident',
  u: 'remote_user',
  r: 'request',
  s: 'status',
  b: 'body_bytes_sent',
  B: 'body_bytes_sent',
  O: 'bytes_sent',
  I: 'request_length',
  v: 'host',
  V: 'host',
  p: 'server_port',
  D: 'request_time_us',
  T: 'request_time',
  m: 'request_method',
  U: 'path',
  q: 'query',
  H: 'server_protocol',
  P: 'pid',
  X: 'connection_state',
  f: 'filename',
  k: 'connection_requests',
  L: 'request_id',
};
const DIRECTIVE = /%(?:[!\d,]*)(?:[<>])?(?:\{([^}]*)\})?([a-zA-Z%])/g;

const headerName = (prefix: string, header: string): string =>
  `${prefix}_${header.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')}`;

const partsOfDirective = (name: string | undefined, letter: string): FormatPart[] => {
  if (letter === '%') return [{ literal: '%' }];
  if (letter === 't')
    return name === undefined
      ? [{ literal: '[' }, { field: 'time_local' }, { literal: ']' }]
      : [{ field: name.replaceAll(/\W+/g, '_') || 'time' }];
  if (name !== undefined && letter === 'i') return [{ field: headerName('http', name) }];
  if (name !== undefined && letter === 'o') return [{ field: headerName('sent_http', name) }];
  if (name !== undefined && letter === 'C') return [{ field: headerName('cookie', name) }];
  if (name !== undefined && (letter === 'e' || letter === 'n')) return [{ field: headerName('env', name) }];
  const field = NAMES[letter];
  if (field === undefined) throw new LogdError('config', `The LogFormat directive %${letter} is not known.`);
  return [{ field }];
};

/** `%h %l %u %t \"%r\" %>s %b`; quotes may be escaped as in the configuration file. */
export const apacheFormat = (text: string): LineFormat => {
  const format = text
    .trim()
    .replace(/^(?:LogFormat|CustomLog)\s+/i, '')
    .replace(/^"(.*)"(?:\s+\w+)?$/s, '$1')
    .replaceAll('\\"', '"')
    .replaceAll('\\t', '\t');
  const parts: FormatPart[] = [];
  let at = 0;
  const literal = (to: number): void => {
    if (to > at) parts.push({ literal: format.slice(at, to) });
  };
  for (const match of format.matchAll(DIRECTIVE)) {
    literal(match.index);
    parts.push(...partsOfDirective(match[1], match[2] ?? ''));
    at = match.index + match[0].length;
  }
  literal(format.length);
  return logFormat(text, joinLiterals(parts));
};

const joinLiterals = (parts: readonly FormatPart[]): FormatPart[] => {
  const joined: FormatPart[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if ('literal' in part && last !== undefined && 'literal' in last)
      joined[joined.length - 1] = { literal: last.literal + part.literal };
    else joined.push(part);
  }
  return joined;
};
