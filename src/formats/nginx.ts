/** nginx `log_format` strings. Source: https://nginx.org/en/docs/http/ngx_http_log_module.html */
import type { LineFormat } from './format.ts';
import { logFormat, type FormatPart } from './log-format.ts';

/** `$remote_addr - ${remote_user} [$time_local]`; quotes and line breaks of the configuration file may be left in. */
export const nginxParts = (text: string): FormatPart[] => {
  const joined = text
    .trim()
    .replace(/^log_format\s+\S+\s+(?:escape=\w+\s+)?/, '')
    .replace(/;$/, '')
    .replace(/^'|'$/g, '')
    .replaceAll(/'\s*\n?\s*'/g, '');
  const parts: FormatPart[] = [];
  let at = 0;
  for (const match of joined.matchAll(/\$(?:\{(\w+)\}|(\w+))/g)) {
    if (match.index > at) parts.push({ literal: joined.slice(at, match.index) });
    parts.push({ field: match[1] ?? match[2] ?? '' });
    at = match.index + match[0].length;
  }
  if (at < joined.length) parts.push({ literal: joined.slice(at) });
  return parts;
};

export const nginxFormat = (text: string, name = text): LineFormat => logFormat(name, nginxParts(text));

const COMBINED =
  '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"';

export const combined = nginxFormat(COMBINED, 'combined');
export const vhostCombined = nginxFormat(
  `$host ${COMBINED.replace(' - ', ' $remote_ident ')}`,
  'vhost_combined',
);
export const common = nginxFormat(
  '$remote_addr $remote_ident $remote_user [$time_local] "$request" $status $body_bytes_sent',
  'common',
);
