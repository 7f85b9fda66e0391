/** Relative paths of a configuration file are relative to the file, wherever the command is run. */
import { isAbsolute, join } from 'node:path';
import type { Raw } from './environment.ts';
import { type Node, variantOf } from './option-tree.ts';

/** The configuration with its relative paths below `base`. */
export const withPathsBelow = (base: string, node: Node | undefined, value: Raw): Raw => {
  if (typeof value === 'string') {
    const isPath = node?.type === 'option' && node.kind.name === 'path';
    return isPath && value !== '' && !isAbsolute(value) ? join(base, value) : value;
  }
  if (Array.isArray(value) || node === undefined) return value;
  const children = childrenOf(node, value);
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, withPathsBelow(base, children(key), inner)]),
  );
};

const childrenOf = (node: Node, value: { [key: string]: Raw }): ((key: string) => Node | undefined) => {
  switch (node.type) {
    case 'option':
      return () => undefined;
    case 'section':
      return (key) => node.children.get(key);
    case 'map':
      return () => node.value;
    case 'variants': {
      const variant = variantOf(node, value);
      return (key) => variant?.children.get(key);
    }
  }
};
