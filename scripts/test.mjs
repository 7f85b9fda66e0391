/**
 * Everything that `npm test` does, in this order: types, lint, format, tests. Stops at the first that fails.
 *
 *   npm test                       everything
 *   npm test -- test/wire          only the tests below that folder (or of that file)
 *   npm test -- --test-name-pattern=…  options go to node --test
 *
 * The tests come last: the final lines are the summary of node:test.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);

const packageBin = (name, path) => join(root, 'node_modules', name, path);

/**
 * The checks that are not tests; each says nothing while all is well.
 *
 * @type {readonly (readonly [string, string, readonly string[]])[]}
 */
const CHECKS = [
  ['Types', packageBin('typescript', 'bin/tsc'), ['-p', '.']],
  ['Types of the page', packageBin('typescript', 'bin/tsc'), ['-p', 'web']],
  ['Lint', packageBin('oxlint', 'bin/oxlint'), ['--deny-warnings']],
  ['Format', packageBin('prettier', 'bin/prettier.cjs'), ['--check', '--log-level=warn', '.']],
];

const heading = (title) => console.log(`\n── ${title} ${'─'.repeat(Math.max(0, 60 - title.length))}`);

/** Runs a step with the Node that runs us. */
const run = (title, args) => {
  heading(title);
  return spawnSync(process.execPath, args, { stdio: 'inherit' });
};

const args = process.argv.slice(2);
const options = args.filter((arg) => arg.startsWith('-'));
const paths = args.filter((arg) => !arg.startsWith('-'));
const missing = paths.find((path) => !existsSync(path) && !path.includes('*'));
if (missing !== undefined) {
  console.error(`There is no ${missing}: name a folder or a file below test/.`);
  process.exit(2);
}

if (args.length === 0)
  for (const [title, bin, options] of CHECKS) {
    const start = performance.now();
    const { status } = run(title, [bin, ...options]);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    if (status !== 0) {
      const hint = title === 'Format' ? 'Run `npm run format`.' : 'See above.';
      console.log(`\n${title} failed after ${seconds} s, so no tests were run. ${hint}`);
      process.exit(status ?? 1);
    }
    console.log(`${title} fine in ${seconds} s.`);
  }

const globs = (paths.length > 0 ? paths : ['test']).map((path) =>
  existsSync(path) && statSync(path).isDirectory() ? `${path.replace(/\/+$/, '')}/**/*.test.ts` : path,
);
/** A test that hangs ends the run in minutes, and is named. The longest takes two. */
const LONGEST_MS = 8 * 60_000;
const base = ['--test', '--test-concurrency=2', '--test-reporter=spec', `--test-timeout=${LONGEST_MS}`];
process.exit(run('Tests', [...base, ...options, ...globs]).status ?? 1);
