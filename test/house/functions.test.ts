/**
 * No function has more than 60 lines, and no factory (a closure that holds state and returns the functions that work on it) more
 * than 120. LONGER lists those that are not split yet: they may shrink, and must go from the list when they fit.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';

const root = join(import.meta.dirname, '..', '..');
const MOST = 60;
const MOST_OF_A_FACTORY = 120;
/** Most lines by `file function`. */
const LONGER: Readonly<Record<string, number>> = {};

interface Diagnostic {
  readonly filename: string;
  readonly message: string;
  readonly labels: readonly {
    readonly span: { readonly offset: number; readonly length: number; readonly line: number };
  }[];
}

/** A factory has functions of its own. */
const INNER =
  /^ +(?:const \w+ = (?:async )?(?:<[^>]*>)?\(|(?:async )?\w+\(.*\) \{$|\w+: (?:async )?\(.*\) =>)/gm;

/** Its lines by file and name, where there are too many. */
const lengthOf = ({ filename, message, labels }: Diagnostic): [string, number][] => {
  const lines = Number(/\((\d+)\)/.exec(message)?.[1]);
  const { offset = 0, length = 0, line = 1 } = labels[0]?.span ?? {};
  const bytes = readFileSync(join(root, filename));
  const isFactory =
    [
      ...bytes
        .subarray(offset, offset + length)
        .toString()
        .matchAll(INNER),
    ].length > 1;
  if (isFactory && lines <= MOST_OF_A_FACTORY) return [];
  const head = bytes.toString().split('\n').slice(0, line).join('\n');
  const name = /(?:const|function) (\w+)[^;]*$/.exec(head.slice(-400))?.[1] ?? `line ${line}`;
  return [[`${filename} ${name}`, lines]];
};

it('functions are short, and those that are not may not grow', () => {
  const directory = mkdtempSync(join(tmpdir(), 'logd-functions-'));
  const config = join(directory, 'config.json');
  writeFileSync(
    config,
    JSON.stringify({
      categories: { correctness: 'off' },
      rules: { 'max-lines-per-function': ['error', { max: MOST }] },
    }),
  );
  const oxlint = join(root, 'node_modules', 'oxlint', 'bin', 'oxlint');
  const { stdout, stderr } = spawnSync(process.execPath, [oxlint, '-c', config, '--format=json', 'src'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  rmSync(directory, { recursive: true });
  assert.ok(stdout.startsWith('{'), `oxlint printed no JSON: ${stdout}${stderr}`);
  const found = (JSON.parse(stdout) as { diagnostics: Diagnostic[] }).diagnostics;
  const long = Object.fromEntries(found.flatMap((each) => lengthOf(each)));
  const grown = Object.entries(long).filter(([name, lines]) => lines > (LONGER[name] ?? 0));
  assert.deepEqual(grown, [], 'split the function where state and rules part');
  const fit = Object.keys(LONGER).filter((name) => long[name] === undefined);
  assert.deepEqual(fit, [], 'it fits now: take it from the list');
});
