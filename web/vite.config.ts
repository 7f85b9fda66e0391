/** Builds the monitor's page into dist/web/, which the package ships. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const here = fileURLToPath(new URL('.', import.meta.url));

export default defineConfig({
  root: here,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: fileURLToPath(new URL('../dist/web', import.meta.url)),
    emptyOutDir: true,
    // Inlined files would need a wider content security policy.
    assetsInlineLimit: 0,
    modulePreload: false,
    target: 'es2022',
    // The first that know light-dark().
    cssTarget: ['chrome123', 'edge123', 'firefox120', 'safari17.5'],
  },
  server: { host: '127.0.0.1', proxy: { '/api': 'http://127.0.0.1:7669' } },
});
