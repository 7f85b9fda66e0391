/**
 * Where a segment's file lies below the store's directory: a template with placeholders.
 *
 *   {stream} {host}          as they are; but with `_` as `%5F` where nothing but a `_` stands between one of them and its neighbour
 *   {date}                   2026-11-22; or {year} {month} {day}
 *   {hour}                   16 · 16b for an hour that comes a second time · `all` for a segment of a whole day
 *
 * Invariants of a template that {@link checkLayout} lets pass
 * - Different segments have different paths: every part of the key is in it, and no two neighbours can run together.
 * - A path stays below the directory, and is never the beginning of another segment's path.
 * - No path is another segment's path with `.zst` behind it.
 * - No path holds `~` or begins with `.logd`: temporary files and the lock have such names.
 */
import { glob } from 'node:fs/promises';
import { LogdError } from '../../error.ts';
import { isName } from '../../pack/name.ts';
import type { SegmentKey } from '../../pack/pack.ts';

/** What the path of a compressed file has besides. */
export const COMPRESSED = '.zst';

/** What new stores get. Readers of Hive-style paths find stream, date, hour and host, because each is a directory. */
export const DEFAULT_LAYOUT = 'stream={stream}/dt={date}/hour={hour}/host={host}/{stream}.log';

/** What stores got before, whose host is a part of the file's name. A store that began with it goes on with it. */
export const EARLIER_LAYOUT = 'stream={stream}/dt={date}/hour={hour}/host={host}.log';
const EARLIER_FILES = `stream=*/dt=*/hour=*/host=*.log{,${COMPRESSED}}`;

/** Whether a directory holds files of {@link EARLIER_LAYOUT}. Stops at the first. */
export const hasEarlierFiles = async (dir: string): Promise<boolean> => {
  for await (const entry of glob(EARLIER_FILES, { cwd: dir, withFileTypes: true }))
    if (entry.isFile()) return true;
  return false;
};

const PLACEHOLDERS = ['stream', 'host', 'date', 'year', 'month', 'day', 'hour'] as const;
type Placeholder = (typeof PLACEHOLDERS)[number];

const PLACEHOLDER = /\{([^{}]*)\}/g;
/** A character that no host or stream name holds. */
const SEPARATOR = /[^A-Za-z0-9._-]/;
/** Of a host or stream whose `_` are escaped. */
const UNDERSCORE = '_';
const ESCAPED_UNDERSCORE = '%5F';

/** Returns the template when it is a good one, else throws a `config` LogdError that says what to change. */
export const checkLayout = (template: string): string => {
  const wrong = (why: string): never => {
    throw new LogdError(
      'config',
      `The layout ${JSON.stringify(template)} ${why}. For example: ${DEFAULT_LAYOUT}`,
    );
  };
  const names = [...template.matchAll(PLACEHOLDER)].map((match) => match[1] ?? '');
  const unknown = names.find((name) => !PLACEHOLDERS.some((known) => known === name));
  if (unknown !== undefined) wrong(`has an unknown placeholder {${unknown}}`);
  const dated =
    names.includes('date') || (names.includes('year') && names.includes('month') && names.includes('day'));
  if (!names.includes('stream') || !names.includes('host') || !names.includes('hour') || !dated)
    wrong('would put several segments into one file: it must hold {stream}, {host}, {date} and {hour}');
  if (/[{}~\\\0]/.test(template.replaceAll(PLACEHOLDER, '')))
    wrong('holds a stray brace, a "~", a "\\" or a NUL');
  if (template.split('/').some((part) => part === '' || part === '.' || part === '..'))
    wrong('must be a relative path without empty, "." and ".." parts');
  if (template.startsWith('.logd')) wrong('begins with ".logd", which is kept for the lock');
  const ending = template.slice(template.lastIndexOf('}') + 1);
  if (`${ending}${COMPRESSED}`.endsWith(ending)) wrong('must end in something like ".log"');
  for (const [index, literal] of literalsBetween(template).entries()) {
    const left = names[index];
    const apart =
      left === 'hour'
        ? /^[^A-Za-z0-9]/.test(literal)
        : SEPARATOR.test(literal) || literal.includes(UNDERSCORE);
    if ((left === 'host' || left === 'stream' || left === 'hour') && !apart)
      wrong(`lets {${left}} run into {${names[index + 1]}}: put "/", "_" or "=" between them`);
  }
  if (isJoinedByUnderscore(template) && template.replaceAll(PLACEHOLDER, '').includes('%'))
    wrong('holds a "%", and the "%5F" that stands for a "_" in names could be taken for it');
  return template;
};

/** Whether nothing but a `_` keeps a host or stream from its neighbour: their own are escaped then. */
const isJoinedByUnderscore = (template: string): boolean => {
  const names = [...template.matchAll(PLACEHOLDER)].map((match) => match[1]);
  return literalsBetween(template).some(
    (literal, index) => (names[index] === 'host' || names[index] === 'stream') && !SEPARATOR.test(literal),
  );
};

/** What stands between each placeholder and the next. */
const literalsBetween = (template: string): string[] =>
  template
    .split(PLACEHOLDER)
    .filter((_, index) => index % 2 === 0)
    .slice(1, -1);

/** The relative path of a segment's file, without the suffix of its compression. The key must be a checked one. */
export const layoutPath = (template: string, key: SegmentKey): string => {
  const [year, month, day] = [key.hour.slice(0, 4), key.hour.slice(4, 6), key.hour.slice(6, 8)];
  const name = (of: string): string =>
    of.includes(UNDERSCORE) && isJoinedByUnderscore(template)
      ? of.replaceAll(UNDERSCORE, ESCAPED_UNDERSCORE)
      : of;
  const values: Record<Placeholder, string> = {
    stream: name(key.stream),
    host: name(key.host),
    date: `${year}-${month}-${day}`,
    year,
    month,
    day,
    hour: key.hour.slice(8) || 'all',
  };
  return template.replaceAll(PLACEHOLDER, (_, name: Placeholder) => values[name]);
};

const MOST_VALUES = 24;

/** Names that could make two layouts meet: those that look like dates, hours and the fixed parts of both, or begin or end so. */
const valuesFor = (...templates: readonly string[]): string[] => {
  const fixed = templates.flatMap((template) => template.replaceAll(PLACEHOLDER, '/').split(SEPARATOR));
  const provoking = new Set(fixed.flatMap((part) => [part, `${part}a`, `a${part}`]).filter(isName));
  return [
    ...new Set(['a', 'b', '2026', '2026-11-22', '11', '22', 'all', ...[...provoking].slice(0, MOST_VALUES)]),
  ];
};

/** Whether an hour's path in one layout may be another hour's in the other. Tried out with names that provoke it. */
export const layoutsCollide = (one: string, other: string): boolean => {
  const names = valuesFor(one, other);
  const keys = names.flatMap((host) =>
    names.flatMap((stream) =>
      ['2026112211', '2026112222', '20261122'].map((hour) => ({ host, stream, hour })),
    ),
  );
  const owner = new Map(keys.map((key) => [layoutPath(one, key), key]));
  return keys.some((key) => {
    const found = owner.get(layoutPath(other, key));
    return found !== undefined && found !== key;
  });
};
