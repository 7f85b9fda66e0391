/** The monitor in the demo, and its page: built once in a clone, part of the package elsewhere. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LogdError } from '../error.ts';

/** Where the monitor and each node listen. */
export interface DemoMonitor {
  readonly port: number;
  /** Ports of the nodes' own HTTP listeners, by name. */
  readonly nodes: Readonly<Record<string, number>>;
}

/** In a clone, builds the page where it was not built. Throws `usage` where that fails. */
export const ensurePage = (): void => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const isClone = import.meta.url.endsWith('.ts');
  if (!isClone || existsSync(join(root, 'dist', 'web', 'index.html'))) return;
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const built = spawnSync(
    process.execPath,
    [vite, 'build', '--config', 'web/vite.config.ts', '--logLevel', 'warn'],
    {
      ...{ cwd: root, encoding: 'utf8' },
    },
  );
  if (built.status !== 0)
    throw new LogdError(
      'usage',
      `The page could not be built: ${built.stderr || built.stdout || String(built.error)}`,
    );
};

export const pageAddress = ({ port }: DemoMonitor): string => `http://127.0.0.1:${port}/`;

/** `monitor:` of the demo: asks often, as its hours are seconds long. */
export const monitorSection = ({ port }: DemoMonitor) => ({
  monitor: { listen: `127.0.0.1:${port}`, check_interval: '1s', late_after: '1m' },
});

/** What every other node needs to be seen. */
export const reportSection = (monitor: DemoMonitor, node: string) => ({
  http: { listen: `127.0.0.1:${monitor.nodes[node] ?? 0}` },
  report: { to: `http://127.0.0.1:${monitor.port}` },
});
