/**
 * What some tests need of the machine that runs them. Where it is missing, a test says so and is skipped; in continuous
 * integration it fails, because nobody reads there what was skipped.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import type { TestContext } from 'node:test';

/** `CI` is set, as .ci/run and the usual services do. */
const isContinuousIntegration = (env: NodeJS.ProcessEnv): boolean =>
  !['', 'false', '0'].includes(env['CI'] ?? '');

/** Ends a test that cannot be run here: the caller returns behind it. Throws in continuous integration. */
export const notTested = (
  test: Pick<TestContext, 'diagnostic' | 'skip'>,
  need: string,
  env: NodeJS.ProcessEnv = process.env,
): void => {
  const reason = `NOT TESTED: this needs ${need}`;
  assert.ok(!isContinuousIntegration(env), `${reason}, and in CI every test must run`);
  test.diagnostic(reason);
  test.skip(reason);
};

/** A mounted file system of its own. */
export interface SmallDisk extends AsyncDisposable {
  /** Gives it so many bytes in all. */
  grow(bytes: number): void;
}

/** Mounts a file system of so many bytes; undefined, with the test ended, where nobody may mount one. */
export const smallDisk = async (
  test: TestContext,
  path: string,
  bytes: number,
): Promise<SmallDisk | undefined> => {
  await mkdir(path, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path], { stdio: 'ignore' });
  } catch {
    notTested(test, 'the right to mount a small file system: run the tests as root');
    return undefined;
  }
  return {
    grow: (size) => void execFileSync('mount', ['-o', `remount,size=${size}`, path], { stdio: 'ignore' }),
    // Lazily: a node of the test may still have files open there.
    [Symbol.asyncDispose]: async () => void execFileSync('umount', ['-l', path], { stdio: 'ignore' }),
  };
};
