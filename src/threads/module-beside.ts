import { extname } from 'node:path';

/** The URL of a module in the caller's folder, in source (`.ts`) as in the built package (`.js`). `name` has no extension. */
export const moduleBeside = (importMetaUrl: string, name: string): URL =>
  new URL(`./${name}${extname(new URL(importMetaUrl).pathname)}`, importMetaUrl);
