/**
 * `npm run bench -- NAME [options]`: runs one bench. Each is a file bench/NAME.ts that exports `run`; its last printed line is
 * one line of ratios, and the exit code is 0 only when its bars are met.
 */
import { readdirSync } from 'node:fs';

/** What each bench file exports: prints its figures, and resolves with true when all bars are met. */
export interface Bench {
  readonly summary: string;
  run(args: readonly string[]): Promise<boolean>;
}

const isBench = (module: unknown): module is { readonly bench: Bench } =>
  typeof module === 'object' && module !== null && 'bench' in module;

const [name, ...args] = process.argv.slice(2);
const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && file !== 'run.ts')
  .map((file) => file.slice(0, -3));

const benches = new Map<string, Bench>();
for (const each of name !== undefined && names.includes(name) ? [name] : names) {
  // A file that starts by itself is a process of a bench, not a bench.
  if (each.endsWith('-node') || each.endsWith('-child')) continue;
  const module: unknown = await import(`./${each}.ts`);
  if (isBench(module)) benches.set(each, module.bench);
}
const chosen = name === undefined ? undefined : benches.get(name);
if (chosen === undefined) {
  const list = [...benches].map(([each, { summary }]) => `  ${each.padEnd(10)} ${summary}`);
  process.stdout.write(`Usage: npm run bench -- NAME [options]\n\n${list.join('\n')}\n`);
  process.exitCode = 2;
} else {
  process.exitCode = (await chosen.run(args)) ? 0 : 1;
}
