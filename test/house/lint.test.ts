/** Holds the lint configuration to what it claims: each rule must go red on code that breaks it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';

const root = join(import.meta.dirname, '..', '..');

interface Diagnostic {
  readonly code: string;
  readonly filename: string;
}

const BAD: Readonly<Record<string, { readonly code: string; readonly text: string }>> = {
  'src/tail/floating.ts': {
    code: 'no-floating-promises',
    text: 'const work = async (): Promise<void> => {};\nexport const run = (): void => {\n  work();\n};\n',
  },
  'src/tail/misused.ts': {
    code: 'no-misused-promises',
    text: 'export const run = (list: string[]): void => {\n  list.forEach(async () => {});\n};\n',
  },
  'src/tail/switch.ts': {
    code: 'switch-exhaustiveness-check',
    text: "export const run = (kind: 'a' | 'b'): number => {\n  switch (kind) {\n    case 'a':\n      return 1;\n  }\n  return 2;\n};\n",
  },
  'src/tail/any.ts': {
    code: 'no-explicit-any',
    text: 'export const run = (value: any): unknown => value;\n',
  },
  'src/tail/await.ts': {
    code: 'await-thenable',
    text: 'export const run = async (): Promise<number> => await 1;\n',
  },
  'src/tail/throw.ts': {
    code: 'only-throw-error',
    text: "export const run = (): never => {\n  throw 'text';\n};\n",
  },
  'src/tail/type-import.ts': {
    code: 'consistent-type-imports',
    text: "import { Name } from './names.ts';\nexport const run = (name: Name): Name => name;\n",
  },
  'src/tail/cycle.ts': {
    code: 'no-cycle',
    text: "import { back } from './cycle-back.ts';\nexport const forth = (): unknown => back;\n",
  },
  'src/tail/unused.ts': { code: 'no-unused-vars', text: 'const unused = 1;\nexport const run = 2;\n' },
  'src/tail/equal.ts': {
    code: 'eqeqeq',
    text: 'export const run = (a: number, b: number): boolean => a == b;\n',
  },
  'src/tail/console.ts': {
    code: 'no-console',
    text: "export const run = (): void => console.log('text');\n",
  },
  'src/tail/long.ts': { code: 'max-lines', text: 'export const run = 1;\n'.padEnd(600, '\n') },
  'src/roles/up.ts': { code: 'no-restricted-imports', text: "export * from '../cli/main.ts';\n" },
  'src/tail/up.ts': { code: 'no-restricted-imports', text: "export * from '../roles/agent.ts';\n" },
  'src/stores/file/up.ts': {
    code: 'no-restricted-imports',
    text: "export * from '../../commit/commit-stage.ts';\n",
  },
  'src/pack/up.ts': {
    code: 'no-restricted-imports',
    text: "import type { Frame } from '../transport/tcp/frame.ts';\nexport type Up = Frame;\n",
  },
};

const GOOD: Readonly<Record<string, string>> = {
  'src/tail/names.ts': 'export type Name = string;\n',
  'src/tail/cycle-back.ts':
    "import { forth } from './cycle.ts';\nexport const back = (): unknown => forth;\n",
  'src/cli/say.ts': "export const say = (): void => console.log('text');\n",
  'src/tail/down.ts': "export * from '../pack/pack.ts';\nexport * from '../ledger/ledger.ts';\n",
  'src/pack/pack.ts': 'export const pack = 1;\n',
  'src/ledger/ledger.ts': 'export const ledger = 1;\n',
};

describe('the lint configuration', () => {
  let found: Diagnostic[] = [];
  let directory = '';

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'logd-lint-'));
    await copyFile(join(root, '.oxlintrc.json'), join(directory, '.oxlintrc.json'));
    // oxlint looks for its type-aware half from where it runs.
    await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
    const compilerOptions = {
      module: 'nodenext',
      strict: true,
      noEmit: true,
      allowImportingTsExtensions: true,
    };
    await writeFile(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }));
    const texts = [
      ...Object.entries(GOOD),
      ...Object.entries(BAD).map(([path, { text }]) => [path, text] as const),
    ];
    for (const [path, text] of texts) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), text);
    }
    const oxlint = join(root, 'node_modules', 'oxlint', 'bin', 'oxlint');
    const { stdout, stderr } = spawnSync(process.execPath, [oxlint, '--format=json'], {
      cwd: directory,
      encoding: 'utf8',
    });
    assert.ok(stdout.startsWith('{'), `oxlint printed no JSON: ${stdout}${stderr}`);
    found = (JSON.parse(stdout) as { diagnostics: Diagnostic[] }).diagnostics;
  });

  after(() => rm(directory, { recursive: true, force: true }));

  const codesOf = (path: string): string[] =>
    found.filter(({ filename }) => filename === path).map(({ code }) => code.replace(/^.*\((.*)\)$/, '$1'));

  for (const [path, { code }] of Object.entries(BAD))
    it(`goes red with ${code} on ${path}`, () => {
      assert.ok(codesOf(path).includes(code), `found only [${codesOf(path).join(', ')}]`);
    });

  for (const path of ['src/cli/say.ts', 'src/tail/down.ts', 'src/tail/names.ts'])
    it(`stays green on ${path}`, () => {
      assert.deepEqual(codesOf(path), []);
    });
});
