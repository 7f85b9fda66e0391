/** `logd import`: the configuration of a Go node as configurations of ours. */
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { LogdError, messageOf } from '../error.ts';
import type { ImportedNode } from '../config/import-ini.ts';

const commented = (notes: readonly string[]): string => notes.map((note) => `# - ${note}\n`).join('');

const textOf = async ({ role, config, notes }: ImportedNode): Promise<string> => {
  const { stringify } = await import('yaml');
  const head = `# Made from the section [${role}] of a Go node's configuration. Look at:\n${commented(notes)}`;
  return `${head}\n${stringify(config)}`;
};

const readIni = async (file: string): Promise<string> => {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new LogdError('usage', `Cannot read ${file}: ${messageOf(error)}.`, { cause: error });
  }
};

export const importCommand = (): Command =>
  new Command('import')
    .description("Turn a Go node's INI file into configurations of logd, one for each role.")
    .argument('<file>', 'the INI file of the Go system')
    .option('--dir <dir>', 'write <role>.yaml files there; without it they are printed')
    .option(
      '--base <dir>',
      'where the Go node was started: relative paths count from there (default: the directory of the file)',
    )
    .addHelpText(
      'after',
      `
Examples:
  logd import config.ini
  logd import /etc/logd/config.ini --dir . --base /opt/go-logd

Each configuration begins with what has no counterpart and what to look at. Where the Go node's own files are there, its position, column map
and tags are read. See docs/migration.md.

Exit codes:
  0  written
  1  a file could not be written
  2  the file cannot be read, or has no role`,
    )
    .action(async (file: string, { dir, base }: { readonly dir?: string; readonly base?: string }) => {
      const { parseIni } = await import('../config/ini.ts');
      const { importIni } = await import('../config/import-ini.ts');
      const { readGoFiles } = await import('./go-files.ts');
      const ini = parseIni(await readIni(file));
      const { nodes, notes } = importIni(ini, await readGoFiles(ini, resolve(base ?? dirname(file))));
      if (nodes.length === 0)
        throw new LogdError(
          'usage',
          `${file} has no section of a role: tail, collector, fcollector, mgocollector, etlcollector or receiver.`,
        );
      for (const node of nodes) {
        const text = await textOf(node);
        if (dir === undefined) process.stdout.write(`${text}\n`);
        else {
          const path = join(dir, `${node.role}.yaml`);
          await writeFile(path, text, { flag: 'wx' }).catch((error: unknown) => {
            throw new LogdError('storage', `Cannot write ${path}: ${messageOf(error)}.`, { cause: error });
          });
          process.stdout.write(`Wrote ${path}. Next: edit it, then logd validate ${path}\n`);
        }
      }
      if (notes.length > 0)
        process.stderr.write(`Not in any of them:\n${notes.map((note) => `- ${note}\n`).join('')}`);
    });
