/**
 * One definition per option: what it is for, how it is read, its default and an example. From it come the static type,
 * the parser, the environment variable, the example config, the JSON Schema for editors, `logd explain` and the reference.
 *
 * An option is a zod schema from text to a value, with its {@link OptionSpec} in a registry; sections, maps and
 * variants are zod schemas around options, with theirs. {@link file://./outline.ts} reads the registry back as a plain tree.
 *
 *   const schema = section('Where packs go.', {
 *     dir: option(path(), { summary: 'Root of the stored files.', example: '/data/logs' }),
 *     sync: option(duration(), { summary: 'Longest time …', default: '5s', example: '1s' }),
 *   });
 */
import { z } from 'zod';
import { messageOf } from '../error.ts';
import type { Kind } from './kind.ts';

/** What is said about an option beside its kind. Without `default` and `absent` the option must be given. */
export interface OptionText {
  /** One or two sentences for the reference. */
  readonly summary: string;
  readonly example: string;
  /** As a user would write it; read by the option's kind. */
  readonly default?: string;
  /** What is taken when the option is left out, in words: `the name of the node`. The value is undefined then. */
  readonly absent?: string;
  /** A value that must not be shown in messages. */
  readonly secret?: boolean;
  /** Smallest and largest value of a number, a size or a duration, as a user would write them. */
  readonly min?: string;
  readonly max?: string;
}

export type OptionSpec = { readonly type: 'option'; readonly kind: Kind<unknown> } & OptionText;

export type Spec =
  | OptionSpec
  | { readonly type: 'section'; readonly summary: string }
  | { readonly type: 'map'; readonly summary: string; readonly key: string; readonly keyExample: string }
  | {
      readonly type: 'variants';
      readonly summary: string;
      readonly summaries: Readonly<Record<string, string>>;
      /** The kind of a section without one. */
      readonly usual?: string;
    };

/** What is known about a schema beyond its type. Written at definition only. */
export const specs = z.registry<{ readonly spec: Spec }>();

type FromText<T> = z.ZodType<T, string>;

/** An option with a default: always has a value. */
export function option<T>(kind: Kind<T>, about: OptionText & { default: string }): z.ZodPrefault<FromText<T>>;
/** An option that may be left out. */
export function option<T>(kind: Kind<T>, about: OptionText & { absent: string }): z.ZodOptional<FromText<T>>;
/** An option that must be given. */
export function option<T>(
  kind: Kind<T>,
  about: OptionText & { default?: never; absent?: never },
): FromText<T>;
export function option<T>(kind: Kind<T>, about: OptionText): z.ZodType {
  const parsed = z.string().transform((text, context) => {
    const refused = (message: string): never => {
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    };
    if (text === '') return refused(`There is no value. For example: ${about.example}`);
    try {
      const value = kind.parse(text);
      return outOfBounds(kind, about, value) ? refused(boundsMessage(about, text)) : value;
    } catch (error) {
      return refused(about.secret ? `The value is not a valid ${kind.name}.` : messageOf(error));
    }
  });
  const schema =
    about.default !== undefined
      ? parsed.prefault(about.default)
      : about.absent !== undefined
        ? parsed.optional()
        : parsed;
  specs.add(schema, { spec: { type: 'option', kind, ...about } });
  return schema;
}

const outOfBounds = (kind: Kind<unknown>, { min, max }: OptionText, value: unknown): boolean => {
  const bound = (text: string): number => Number(kind.parse(text));
  return (
    (min !== undefined && Number(value) < bound(min)) || (max !== undefined && Number(value) > bound(max))
  );
};

const boundsMessage = ({ min, max, secret }: OptionText, text: string): string => {
  const allowed =
    min !== undefined && max !== undefined
      ? `from ${min} to ${max}`
      : min !== undefined
        ? `at least ${min}`
        : `at most ${max}`;
  return `${secret ? 'The value' : text} is out of bounds: use ${allowed}.`;
};

/** A group of options below one key. Unknown keys are errors. */
export const section = <Shape extends z.ZodRawShape>(
  summary: string,
  shape: Shape,
): z.ZodObject<Shape, z.core.$strict> => {
  const schema = z.strictObject(shape);
  specs.add(schema, { spec: { type: 'section', summary } });
  return schema;
};

/** A section all of whose options may be left out, and so may the section. */
export const group = <Shape extends z.ZodRawShape>(
  summary: string,
  shape: Shape,
): z.ZodPrefault<z.ZodObject<Shape, z.core.$strict>> => defaulted(section(summary, shape));

/** Makes a section without required options one that may be left out; its options have their defaults then. */
export const defaulted = <Section extends z.ZodObject>(schema: Section): z.ZodPrefault<Section> =>
  // An empty object is an input of every such section, which the type system cannot see.
  schema.prefault({} as z.input<Section> & object);

/** A map from names that users choose to sections. `checkKey` throws a `config` LogdError. */
export const mapOf = <Value extends z.ZodType>(
  about: {
    readonly summary: string;
    readonly key: string;
    readonly keyExample: string;
    checkKey(name: string): void;
  },
  value: Value,
): z.ZodRecord<z.ZodString, Value> => {
  // Not a schema of the key: below a key that such a schema refuses nothing would be checked.
  const schema = z.record(z.string(), value).check(
    z.superRefine(
      (map, context) => {
        for (const name of Object.keys(map))
          try {
            about.checkKey(name);
          } catch (error) {
            const issues = [{ code: 'custom' as const, path: [], message: messageOf(error) }];
            context.addIssue({ code: 'invalid_key', origin: 'record', issues, path: [name], input: name });
          }
      },
      // Only what is no map at all has no names.
      { when: ({ issues }) => !issues.some(({ path = [] }) => path.length === 0) },
    ),
  );
  specs.add(schema, {
    spec: { type: 'map', summary: about.summary, key: about.key, keyExample: about.keyExample },
  });
  return schema;
};

/** The value of {@link variants}: the kind's name and whatever its options came to. */
export type Variant = { readonly kind: string } & Readonly<Record<string, unknown>>;

type Kinds = readonly { readonly kind: string; readonly summary: string; readonly schema: z.ZodObject }[];

/**
 * A section whose options depend on the word under `kind`. With `usual` the word may be left out, and so may the section where that
 * kind needs no option.
 */
export const variants = (summary: string, kinds: Kinds, usual?: string): z.ZodType<Variant> => {
  const [first, ...others] = kinds.map(({ kind, schema }) =>
    schema.safeExtend({ kind: z.literal(kind) }).strict(),
  );
  if (first === undefined) throw new Error('Variants without a kind');
  const schema: z.ZodType = z.discriminatedUnion('kind', [first, ...others]);
  const summaries = Object.fromEntries(kinds.map((each) => [each.kind, each.summary]));
  specs.add(schema, {
    spec: { type: 'variants', summary, summaries, ...(usual !== undefined && { usual }) },
  });
  const whole = schema as z.ZodType<Variant>;
  return usual === undefined ? whole : (whole.prefault({ kind: usual } as never) as z.ZodType<Variant>);
};

/**
 * Adds a rule between options of a section. It is checked whenever the options in `needs` are well formed, whatever else
 * is wrong with the section, so that all faults show at once. `check` returns what is wrong, or undefined.
 */
export const rule = <Section extends z.ZodObject>(
  schema: Section,
  needs: readonly (string | readonly string[])[],
  check: (value: z.output<Section>) => string | undefined,
): Section => {
  const paths = needs.map((need) => (typeof need === 'string' ? [need] : need));
  const at = paths[0] ?? [];
  return schema.check(
    z.superRefine(
      (value, context) => {
        const message = check(value as z.output<Section>);
        if (message !== undefined) context.addIssue({ code: 'custom', message, path: [...at] });
      },
      {
        when: ({ issues }) =>
          !issues.some(
            ({ code, path = [] }) =>
              // An unknown key beside the options says nothing against their values.
              code !== 'unrecognized_keys' &&
              (path.length === 0 || paths.some((need) => sameStart(need, path))),
          ),
      },
    ),
  );
};

/** True when one path is the start of the other. */
const sameStart = (a: readonly PropertyKey[], b: readonly PropertyKey[]): boolean =>
  a.every((key, index) => index >= b.length || b[index] === key);
