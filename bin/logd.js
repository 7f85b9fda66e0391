#!/usr/bin/env -S node --single-threaded-gc --max-semi-space-size=4 --initial-old-space-size=40 --max-old-space-size=2000
// The heap is small and lives beside hundreds of MiB a second of buffers, which V8 counts: it would mark the whole heap ten times a
// second, with helper threads, for a tenth of all CPU time (docs/benchmarks.md). Hence no helpers, room for the old heap to begin
// with, and a young one that is small, because V8 keeps as much room free as that may take. Below a limit of 2 GiB V8 lets garbage
// grow to no more than what lives, above it to three times as much.
// The first line stays below 128 bytes, where old kernels cut it off, and sets no variables: shims of package managers take them for the program.
// Plain JavaScript that any Node can parse, so that an old one gets this message and not a syntax error.
import { existsSync } from 'node:fs';

// Before anything takes time: SIGUSR1 would open the debugger.
process.on('SIGUSR1', () => undefined);

const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  console.error(
    'logd needs Node.js 24 or later; this is ' +
      process.version +
      ' (' +
      process.execPath +
      ').\n' +
      'Install a newer Node.js (https://nodejs.org), or in a clone of the repository use: npm run logd -- …',
  );
  process.exit(1);
}

// The package has dist/; a clone has src/, which Node runs as it is.
const built = new URL('../dist/cli/main.js', import.meta.url);
const source = new URL('../src/cli/main.ts', import.meta.url);
await import((existsSync(source) ? source : built).href);
