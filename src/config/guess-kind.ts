/**
 * Which kind is meant where a section of variants names none that there is: without one, nothing else in the section could
 * be checked.
 */
import type { Raw } from './environment.ts';
import { type Finding, kindFault } from './fault.ts';
import { nearest } from './nearest.ts';
import type { Node, VariantsNode } from './option-tree.ts';

export interface Presumed {
  /** The configuration with kinds that there are, wherever one is clear. */
  readonly value: Raw;
  /** One for each kind that was put in place. */
  readonly findings: readonly Finding[];
}

/** Puts the nearest kind, or the only one, in place of each that is unknown or missing. */
export const presumeKinds = (root: Node, value: Raw): Presumed => {
  const findings: Finding[] = [];
  return { value: presume(root, value, [], findings), findings };
};

const presume = (node: Node | undefined, value: Raw, path: readonly string[], found: Finding[]): Raw => {
  if (typeof value === 'string' || Array.isArray(value) || node === undefined) return value;
  switch (node.type) {
    case 'option':
      return value;
    case 'section':
      return mapped(value, (key, below) => presume(node.children.get(key), below, [...path, key], found));
    case 'map':
      return mapped(value, (key, below) => presume(node.value, below, [...path, key], found));
    case 'variants': {
      const kind = kindMeant(node, value);
      if (kind === undefined) return value;
      const mayLack = value['kind'] === undefined && node.usual !== undefined;
      if (kind !== value['kind'] && !mayLack)
        found.push({
          path: [...path, 'kind'],
          message: kindFault(value['kind'], [...node.variants.keys()]),
          atKey: false,
        });
      return presume(node.variants.get(kind), { ...value, kind }, path, found);
    }
  }
};

const kindMeant = (
  { variants, usual }: VariantsNode,
  value: Readonly<Record<string, Raw>>,
): string | undefined => {
  const names = [...variants.keys()];
  const mistyped = Object.keys(value).find((key) => nearest(key, ['kind']) !== undefined);
  const kind = value['kind'] ?? (mistyped === undefined ? undefined : value[mistyped]);
  const only = kind === undefined && usual !== undefined ? usual : names.length === 1 ? names[0] : undefined;
  return typeof kind === 'string' && kind !== '' ? (nearest(kind, names) ?? only) : only;
};

/** Names such as `__proto__` stay what they are: keys. */
const mapped = (value: Readonly<Record<string, Raw>>, change: (key: string, below: Raw) => Raw): Raw =>
  Object.fromEntries(Object.entries(value).map(([key, below]) => [key, change(key, below)]));
