/** Names of databases and collections, made from the segment of a pack: `logs_{day}`, `{stream}`. */
import { LogdError } from '../../error.ts';
import type { SegmentKey } from '../../pack/pack.ts';

export interface Namespace {
  readonly database: string;
  readonly collection: string;
}

const PLACES = ['day', 'hour', 'month', 'stream', 'host'] as const;
type NamePlace = (typeof PLACES)[number];

const valueOf = (place: NamePlace, { host, stream, hour }: SegmentKey): string => {
  switch (place) {
    case 'day':
      return hour.slice(0, 8);
    case 'month':
      return hour.slice(0, 6);
    case 'hour':
      return hour;
    case 'stream':
      return stream;
    case 'host':
      return host;
  }
};

/** Checks a template. Throws `config` for an unknown place, or characters that MongoDB allows in no name. */
export const checkTemplate = (text: string): string => {
  for (const [whole, name = ''] of text.matchAll(/\{([^{}]*)\}/g))
    if (!PLACES.some((place) => place === name))
      throw new LogdError(
        'config',
        `${whole} in ${JSON.stringify(text)} is unknown: use ${PLACES.map((each) => `{${each}}`).join(', ')}.`,
      );
  const fixed = text.replaceAll(/\{[^{}]*\}/g, '');
  if (/[/\\. "$*<>:|?{}\0]/.test(fixed))
    throw new LogdError(
      'config',
      `${JSON.stringify(text)} holds a character that MongoDB does not allow in names.`,
    );
  return text;
};

const fill = (template: string, key: SegmentKey): string =>
  template.replaceAll(/\{([a-z]+)\}/g, (_, name: string) => {
    const place = PLACES.find((each) => each === name);
    return place === undefined ? '' : valueOf(place, key);
  });

/** Where the documents of a segment go. Dots of a host name become `_` in the name of a database, which cannot hold them. */
export const namespaceOf = (
  templates: { readonly database: string; readonly collection: string },
  key: SegmentKey,
): Namespace => ({
  database: fill(templates.database, key).replaceAll('.', '_'),
  collection: fill(templates.collection, key),
});
