/**
 * Writes docs/reference.md and docs/logd.schema.json from the definitions of the options; with --check, exits with 1 when
 * the committed files differ.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jsonSchema } from '../src/config/json-schema.ts';
import { outline } from '../src/config/option-tree.ts';
import { reference } from '../src/config/reference.ts';
import { logdOptions } from '../src/roles/options.ts';

const root = outline(logdOptions);
const files = {
  'docs/reference.md': reference(root),
  'docs/logd.schema.json': `${JSON.stringify(jsonSchema(root, 'Configuration of a logd node'), null, 2)}\n`,
};
const check = process.argv.includes('--check');

for (const [name, text] of Object.entries(files)) {
  const path = join(import.meta.dirname, '..', name);
  if (!check) {
    await writeFile(path, text);
  } else if ((await readFile(path, 'utf8').catch(() => '')) !== text) {
    process.stderr.write(`${name} is not what the options say: run npm run docs and commit it.\n`);
    process.exitCode = 1;
  }
}
