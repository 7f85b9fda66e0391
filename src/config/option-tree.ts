/**
 * The options of a schema as a plain tree: what documentation, editors, environment variables and error messages walk.
 * The only place that looks inside zod schemas.
 */
import { z } from 'zod';
import { type OptionSpec, specs } from './option.ts';

export interface OptionNode extends OptionSpec {
  readonly required: boolean;
}

export interface SectionNode {
  readonly type: 'section';
  readonly summary: string;
  readonly required: boolean;
  readonly children: ReadonlyMap<string, Node>;
}

export interface MapNode {
  readonly type: 'map';
  readonly summary: string;
  readonly required: boolean;
  /** What users choose, as the reference shows it: `STREAM`. */
  readonly key: string;
  readonly keyExample: string;
  readonly value: Node;
}

export interface VariantsNode {
  readonly type: 'variants';
  readonly summary: string;
  readonly required: boolean;
  /** By the word under `kind`; the children do not hold `kind` itself. */
  readonly variants: ReadonlyMap<string, SectionNode>;
  /** The kind of a section without one. */
  readonly usual?: string;
}

export type Node = OptionNode | SectionNode | MapNode | VariantsNode;

/** The tree of a schema made with `section`, `group`, `mapOf`, `variants` and `option`. */
export const outline = (schema: z.core.$ZodType): Node => describe(schema, true);

const describe = (schema: z.core.$ZodType, required: boolean): Node => {
  const spec = specs.get(schema)?.spec;
  if (spec?.type === 'option')
    return { ...spec, required: required && spec.default === undefined && spec.absent === undefined };
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodPrefault)
    return describe(schema.unwrap(), false);
  if (schema instanceof z.ZodPipe) return describe(schema.in, required);
  if (spec?.type === 'section' && schema instanceof z.ZodObject)
    return { type: 'section', summary: spec.summary, required, children: childrenOf(schema) };
  if (spec?.type === 'map' && schema instanceof z.ZodRecord) {
    const { summary, key, keyExample } = spec;
    return { type: 'map', summary, required, key, keyExample, value: describe(schema.valueType, true) };
  }
  if (spec?.type === 'variants' && schema instanceof z.ZodDiscriminatedUnion) {
    const sections = schema.options.map((each) =>
      each instanceof z.ZodObject ? childrenOf(each) : new Map<string, Node>(),
    );
    const variants = Object.entries(spec.summaries).map(([kind, summary], index): [string, SectionNode] => [
      kind,
      { type: 'section', summary, required: true, children: sections[index] ?? new Map<string, Node>() },
    ]);
    const { usual } = spec;
    return {
      ...{ type: 'variants', summary: spec.summary, required, variants: new Map(variants) },
      ...(usual !== undefined && { usual }),
    };
  }
  throw new Error(`A schema of the configuration has no documentation: ${schema._zod.def.type}`);
};

const childrenOf = (schema: z.ZodObject): Map<string, Node> =>
  new Map(
    Object.entries(schema.shape)
      .filter(([, child]) => !(child instanceof z.ZodLiteral))
      .map(([key, child]) => [key, describe(child, true)]),
  );

/** One line of the reference. */
export interface Entry {
  /** `agent.streams.STREAM.path`; for the options of a variant, `sink.store.dir`. */
  readonly key: string;
  readonly node: Node;
  /** The kind that the option belongs to, below variants. */
  readonly variant?: string;
  /** `LOGD_SINK_LISTEN`; only options outside maps have one. */
  readonly variable?: string;
}

/** All nodes below the root, in the order of their definition, parents first. */
export const entries = (root: Node): Entry[] => collect(root, [], { inMap: false });

const collect = (node: Node, path: readonly string[], at: { inMap: boolean; variant?: string }): Entry[] => {
  const variant = at.variant === undefined ? {} : { variant: at.variant };
  const own: Entry[] =
    path.length === 0 ? [] : [{ key: path.join('.'), node, ...variant, ...variableOf(node, path, at.inMap) }];
  switch (node.type) {
    case 'option':
      return own;
    case 'section':
      return own.concat(...Array.from(node.children, ([key, child]) => collect(child, [...path, key], at)));
    case 'map':
      // The value's own section adds nothing that the map has not said.
      return own.concat(collect(node.value, [...path, node.key], { ...at, inMap: true }).slice(1));
    case 'variants':
      return own.concat(
        ...Array.from(node.variants, ([kind, each]) =>
          collect(each, path, { ...at, variant: kind }).filter((entry) => entry.key !== path.join('.')),
        ),
      );
  }
};

const variableOf = (node: Node, path: readonly string[], inMap: boolean): { variable?: string } =>
  node.type !== 'option' || inMap ? {} : { variable: `LOGD_${path.join('_').toUpperCase()}` };

/**
 * The node at a path of keys, following the kinds that `value` (the raw configuration) names; undefined where there is none.
 */
export const nodeAt = (root: Node, path: readonly PropertyKey[], value: unknown): Node | undefined => {
  let node: Node | undefined = root;
  let raw: unknown = value;
  for (const key of path) {
    if (node === undefined) return undefined;
    node = childOf(node, String(key), raw);
    raw = propertyOf(raw, String(key));
  }
  return node;
};

const childOf = (node: Node, key: string, raw: unknown): Node | undefined => {
  if (node.type === 'section') return node.children.get(key);
  if (node.type === 'map') return node.value;
  if (node.type === 'variants') return variantOf(node, raw)?.children.get(key);
  return undefined;
};

/** The options of the kind that a section names, or has without naming it. */
export const variantOf = (node: VariantsNode, section: unknown): SectionNode | undefined => {
  const kind = propertyOf(section, 'kind') ?? node.usual;
  return typeof kind === 'string' ? node.variants.get(kind) : undefined;
};

const propertyOf = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).find(([name]) => name === key)?.[1]
    : undefined;

/** The keys that may stand below a node. */
export const keysOf = (node: Node | undefined, value: unknown): string[] => {
  if (node?.type === 'section') return [...node.children.keys()];
  if (node?.type === 'variants') return ['kind', ...(variantOf(node, value)?.children.keys() ?? [])];
  return [];
};
