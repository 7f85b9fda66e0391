/**
 * The layer law, held against every import statement below src/. The table is the drawing of docs/architecture.md:
 *
 *   cli → roles → tail, cut, send, receive, store, seal → wire, sinks, ledger
 *       → pack, config, sqlite → telemetry, fault → error
 *
 * A file may import from its own folder, from any layer below, and sideways only where SIDEWAYS says so. A new folder must be
 * put on a layer here before it passes.
 */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { describe, it } from 'node:test';

const root = join(import.meta.dirname, '..', '..');

/** From the top to the ground. */
const LAYERS: readonly (readonly string[])[] = [
  ['cli'],
  ['roles'],
  ['tail', 'cut', 'send', 'receive', 'store', 'seal'],
  ['wire', 'sinks', 'ledger'],
  ['pack', 'config', 'sqlite'],
  ['telemetry', 'fault'],
  ['error.ts'],
];

/** Who may look at a neighbour on the same layer, and at which files of it. */
const SIDEWAYS: Readonly<Record<string, readonly string[]>> = {
  // A sink keeps packs where the ledger says: it sees the ledger's words, not its workings; and it locks its directory.
  sinks: ['ledger/ledger.ts', 'sqlite/directory-lock.ts'],
  // Receiving and sealing both go through the store, which keeps the packs of a segment in order.
  receive: ['store/store.ts'],
  seal: ['store/store.ts'],
  // Cutting works on what tailing finds, holds and opens, and hands its packs to the sender.
  cut: ['tail/discover.ts', 'tail/hold.ts', 'tail/source.ts', 'tail/pattern.ts', 'send/sender.ts'],
};

/** What a folder may see at all, where that is less than all the layers below. */
const ONLY: Readonly<Record<string, readonly string[]>> = {
  sinks: ['pack', 'config', 'fault', 'telemetry', 'error.ts'],
};

/** Folder (or file) directly below src/ that a path, relative to src/, belongs to. */
const folderOf = (path: string): string => path.split('/')[0] ?? path;

const layerOf = (folder: string): number => LAYERS.findIndex((folders) => folders.includes(folder));

const IMPORT = /(?:^|\n)\s*(?:import|export)\s(?:[^'";]*?\sfrom\s+)?'(\.[^']+)'|\bimport\('(\.[^']+)'\)/g;

/** Paths, relative to src/, of what a file imports. Type imports count: they are knowledge too. */
const importsOf = (path: string, text: string): string[] =>
  [...text.matchAll(IMPORT)].map(([, from, dynamic]) =>
    normalize(join(dirname(path), from ?? dynamic ?? '')),
  );

/** A sink sees its own folder and what lies beside it for all sinks: the contract, durable directories. Not the list of sinks. */
const faultBetweenSinks = (path: string, target: string): string | undefined => {
  const ownFolder = dirname(path);
  if (ownFolder === 'sinks' || target.startsWith(`${ownFolder}/`)) return undefined;
  if (dirname(target) === 'sinks' && target !== 'sinks/registry.ts') return undefined;
  return 'a sink imports its own folder and what is for all sinks, no other sink';
};

/** What is wrong with `path` importing `target`, or undefined. */
const faultOf = (path: string, target: string): string | undefined => {
  const [from, to] = [folderOf(path), folderOf(target)];
  const [fromLayer, toLayer] = [layerOf(from), layerOf(to)];
  if (fromLayer < 0) return `src/${from} is on no layer: add it to the drawing`;
  if (toLayer < 0) return `src/${to} is on no layer: add it to the drawing`;
  if (from === to) return from === 'sinks' ? faultBetweenSinks(path, target) : undefined;
  if (SIDEWAYS[from]?.includes(target)) return undefined;
  if (toLayer < fromLayer) return 'imports point downwards only';
  if (toLayer === fromLayer) return 'imports point downwards only, not sideways';
  const only = ONLY[from];
  if (only !== undefined && !only.includes(to)) return `src/${from} sees only ${only.join(', ')}`;
  return undefined;
};

const sources = new Map(
  readdirSync(join(root, 'src'), { recursive: true })
    .map((path) => String(path).replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts'))
    .map((path) => [path, readFileSync(join(root, 'src', path), 'utf8')]),
);

const graph = new Map([...sources].map(([path, text]) => [path, importsOf(path, text)]));

/** One cycle of the graph, as a path from a file back to itself, or undefined. */
const cycleIn = (edges: ReadonlyMap<string, readonly string[]>): string[] | undefined => {
  const done = new Set<string>();
  const visit = (node: string, path: string[]): string[] | undefined => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    if (done.has(node)) return undefined;
    for (const next of edges.get(node) ?? []) {
      const cycle = visit(next, [...path, node]);
      if (cycle !== undefined) return cycle;
    }
    done.add(node);
    return undefined;
  };
  for (const node of edges.keys()) {
    const cycle = visit(node, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
};

describe('the layer law', () => {
  it('finds imports in every form, and what is wrong with them', () => {
    const text = [
      "import { a } from '../roles/agent.ts';",
      "import type {\n  B,\n} from '../ledger/ledger.ts';",
      "export * from './near.ts';",
      "import '../pack/pack.ts';",
      "const c = await import('../cli/main.ts');",
      "import fs from 'node:fs';",
    ].join('\n');
    assert.deepEqual(importsOf('tail/x.ts', text), [
      'roles/agent.ts',
      'ledger/ledger.ts',
      'tail/near.ts',
      'pack/pack.ts',
      'cli/main.ts',
    ]);
    assert.match(faultOf('tail/x.ts', 'roles/agent.ts') ?? '', /downwards/);
    assert.match(faultOf('tail/x.ts', 'send/send.ts') ?? '', /sideways/);
    assert.match(faultOf('attic/x.ts', 'pack/pack.ts') ?? '', /no layer/);
    assert.match(faultOf('pack/x.ts', 'attic/x.ts') ?? '', /no layer/);
    assert.match(faultOf('sinks/file/x.ts', 'sqlite/x.ts') ?? '', /sees only/);
    assert.match(faultOf('sinks/file/x.ts', 'ledger/sqlite.ts') ?? '', /sideways/);
    assert.match(faultOf('sinks/file/x.ts', 'sinks/kafka/x.ts') ?? '', /no other sink/);
    assert.match(faultOf('sinks/file/x.ts', 'sinks/registry.ts') ?? '', /no other sink/);
    assert.equal(faultOf('sinks/registry.ts', 'sinks/file/x.ts'), undefined);
    assert.equal(faultOf('sinks/file/x.ts', 'sinks/durable-directory.ts'), undefined);
    assert.equal(faultOf('sinks/file/x.ts', 'ledger/ledger.ts'), undefined);
    assert.equal(faultOf('sinks/file/x.ts', 'sinks/sink.ts'), undefined);
    assert.equal(faultOf('sinks/file/x.ts', 'sinks/file/y.ts'), undefined);
    assert.equal(faultOf('roles/agent.ts', 'tail/tail.ts'), undefined);
    assert.deepEqual(
      cycleIn(
        new Map([
          ['a', ['b']],
          ['b', ['c']],
          ['c', ['b']],
        ]),
      ),
      ['b', 'c', 'b'],
    );
  });

  it('holds for every import', () => {
    const faults = [...graph].flatMap(([path, targets]) =>
      targets.flatMap((target) => {
        const fault = faultOf(path, target);
        return fault === undefined ? [] : [`src/${path} imports src/${target}: ${fault}`];
      }),
    );
    assert.deepEqual(faults, []);
  });

  it('knows every folder', () => {
    const unknown = [...sources.keys()].map(folderOf).filter((folder) => layerOf(folder) < 0);
    assert.deepEqual(unknown, [], 'put the folder on a layer of the drawing');
  });

  it('has no cycles, of files or of folders', () => {
    assert.equal(cycleIn(graph)?.join(' → '), undefined);
    const folders = new Map<string, string[]>();
    for (const [path, targets] of graph) {
      const others = targets.map(folderOf).filter((folder) => folder !== folderOf(path));
      folders.set(folderOf(path), [...(folders.get(folderOf(path)) ?? []), ...others]);
    }
    assert.equal(cycleIn(folders)?.join(' → '), undefined);
  });
});

describe('the files', () => {
  it('have names that say what is in them', () => {
    const vague = /^(?:utils?|helpers?|common|misc|types|shared|lib)(?:\.ts)?$/;
    assert.match('utils.ts', vague);
    assert.deepEqual(
      [...sources.keys()].filter((path) => path.split('/').some((part) => vague.test(part))),
      [],
    );
  });

  it('have at most 400 lines', () => {
    const long = [...sources].filter(([, text]) => text.split('\n').length > 401);
    assert.deepEqual(
      long.map(([path]) => path),
      [],
    );
  });

  it('have their tests at the same place below test/', () => {
    const tests = readdirSync(join(root, 'test'), { recursive: true })
      .map(String)
      .filter((path) => path.endsWith('.test.ts'));
    const own = ['contract', 'model', 'flow', 'house', 'package', 'docs', 'bench', 'demo'];
    const lost = tests.filter(
      (path) =>
        !own.includes(folderOf(path)) && layerOf(folderOf(path)) < 0 && basename(path) !== 'error.test.ts',
    );
    assert.deepEqual(lost, [], 'a test lives in the folder of the same name as what it tests');
  });
});
