/**
 * package-lock.json must name every optional package of its packages, also those for other platforms: npm drops the ones that
 * a registry mirror does not carry, and `npm ci` then fails on every fresh clone.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';

interface LockedPackage {
  readonly version?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const root = join(import.meta.dirname, '..', '..');

it('package-lock.json names the optional packages of every platform', () => {
  const text = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const { packages } = JSON.parse(text) as { packages: Record<string, LockedPackage> };
  const wanted = Object.values(packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}));
  assert.ok(wanted.length > 0, 'oxlint and typescript come as a package for each platform');
  assert.deepEqual(
    wanted.filter((name) => packages[`node_modules/${name}`] === undefined),
    [],
  );
});
