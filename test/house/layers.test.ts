/**
 * The layer law, held against every import statement below src/. The table is the drawing of docs/architecture.md:
 *
 *   cli → demo, audit → roles → report → inputs, tail, track, marks, cut, send, receive, spool, commit, seal, repull, outputs
 *       → transport, stores, formats, ledger, http → pack, config, sqlite, threads, disk, text → telemetry, fault → error
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
  ['demo', 'audit'],
  ['roles'],
  ['monitor'],
  ['report'],
  [
    'inputs',
    'tail',
    'track',
    'marks',
    'cut',
    'send',
    'receive',
    'spool',
    'commit',
    'seal',
    'repull',
    'outputs',
  ],
  ['transport', 'stores', 'formats', 'ledger', 'http', 'reporting'],
  ['pack', 'config', 'sqlite'],
  ['threads', 'disk', 'text'],
  ['telemetry', 'fault'],
  ['error.ts'],
];

/** Who may look at a neighbour on the same layer, and at which files of it. */
const SIDEWAYS: Readonly<Record<string, readonly string[]>> = {
  // What an input has acknowledged waits in a spool until it is in order.
  inputs: ['spool/spool.ts', 'spool/refused.ts'],
  // A store keeps packs where the ledger says: it sees the ledger's words, not its workings.
  stores: ['ledger/ledger.ts', 'ledger/repull.ts'],
  // Whoever takes packs fulfils the receiver's contract.
  commit: ['receive/pack-target.ts'],
  spool: ['receive/pack-target.ts'],
  // Sealing goes through the commit stage, which keeps the packs of a segment in order.
  seal: ['commit/commit-stage.ts'],
  // A repaired hour is put in place, and proven again, in its queue of the commit stage.
  repull: ['commit/commit-stage.ts'],
  // Tracking brings what tailing finds, holds and opens into the segments, as the marks have them.
  track: [
    'tail/discover.ts',
    'tail/hold.ts',
    'tail/source.ts',
    ...['tail/reserved-room.ts', 'tail/second-names.ts'],
    'marks/marks.ts',
    'marks/cut.ts',
  ],
  // Cutting works on tracked segments and their marks, opens what is to be tailed, and hands its packs to the sender.
  cut: [
    ...['tail/discover.ts', 'tail/hold.ts', 'tail/source.ts', 'tail/pattern.ts', 'tail/no-match.ts'],
    'tail/reserved-room.ts',
    ...[
      'track/file-tracker.ts',
      'track/rehash.ts',
      'track/segment.ts',
      'track/source-files.ts',
      'track/verify-segment.ts',
    ],
    ...['marks/marks.ts', 'marks/cut.ts', 'send/sender.ts'],
  ],
};

/** What a folder may see at all, where that is less than all the layers below. */
const ONLY: Readonly<Record<string, readonly string[]>> = {
  stores: ['pack', 'config', 'disk', 'fault', 'telemetry', 'error.ts'],
};

/** Folders with a contract, a registry and a folder for each kind. */
const KINDS = ['stores', 'transport', 'outputs', 'roles', 'inputs', 'ledger'];

/** Folder (or file) directly below src/ that a path, relative to src/, belongs to. */
const folderOf = (path: string): string => path.split('/')[0] ?? path;

const layerOf = (folder: string): number => LAYERS.findIndex((folders) => folders.includes(folder));

const IMPORT = /(?:^|\n)\s*(?:import|export)\s(?:[^'";]*?\sfrom\s+)?'(\.[^']+)'|\bimport\('(\.[^']+)'\)/g;

/** Paths, relative to src/, of what a file imports. Type imports count: they are knowledge too. */
const importsOf = (path: string, text: string): string[] =>
  [...text.matchAll(IMPORT)].map(([, from, dynamic]) =>
    normalize(join(dirname(path), from ?? dynamic ?? '')),
  );

/** A kind sees its own folder and what lies beside it for all kinds: the contract. Not the registry, and no other kind. */
const faultBetweenKinds = (path: string, target: string): string | undefined => {
  const [folder = '', kind, ...rest] = path.split('/');
  if (rest.length === 0 || kind === undefined || target.startsWith(`${folder}/${kind}/`)) return undefined;
  if (dirname(target) === folder && target !== `${folder}/registry.ts`) return undefined;
  return `src/${folder}/${kind} imports its own folder and what is for all kinds, no other kind`;
};

/** What is wrong with `path` importing `target`, or undefined. */
const faultOf = (path: string, target: string): string | undefined => {
  const [from, to] = [folderOf(path), folderOf(target)];
  const [fromLayer, toLayer] = [layerOf(from), layerOf(to)];
  if (fromLayer < 0) return `src/${from} is on no layer: add it to the drawing`;
  if (toLayer < 0) return `src/${to} is on no layer: add it to the drawing`;
  if (from === to) return KINDS.includes(from) ? faultBetweenKinds(path, target) : undefined;
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
    assert.match(faultOf('stores/file/x.ts', 'sqlite/x.ts') ?? '', /sees only/);
    assert.match(faultOf('stores/file/x.ts', 'ledger/sqlite/sqlite-ledger.ts') ?? '', /sideways/);
    assert.match(faultOf('stores/file/x.ts', 'stores/kafka/x.ts') ?? '', /no other kind/);
    assert.match(faultOf('stores/file/x.ts', 'stores/registry.ts') ?? '', /no other kind/);
    assert.match(faultOf('outputs/etl/x.ts', 'outputs/mongodb/x.ts') ?? '', /no other kind/);
    assert.equal(faultOf('stores/registry.ts', 'stores/file/x.ts'), undefined);
    assert.equal(faultOf('stores/file/x.ts', 'disk/durable-directory.ts'), undefined);
    assert.equal(faultOf('stores/file/x.ts', 'ledger/ledger.ts'), undefined);
    assert.equal(faultOf('stores/file/x.ts', 'stores/store.ts'), undefined);
    assert.equal(faultOf('stores/file/x.ts', 'stores/file/y.ts'), undefined);
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

  it('start threads and processes from files that exist', () => {
    const lost = [...sources].flatMap(([path, text]) =>
      [...text.matchAll(/moduleBeside\(import\.meta\.url, '([^']+)'\)/g)]
        .map(([, name]) => normalize(join(dirname(path), `${name}.ts`)))
        .filter((target) => !sources.has(target)),
    );
    assert.deepEqual(lost, []);
  });

  it('give a type one name', () => {
    const names = [...sources.values()].flatMap((text) =>
      [...text.matchAll(/^(?:export )?(?:interface|type|class) ([A-Z]\w*)/gm)].map(([, name]) => name),
    );
    assert.deepEqual(
      names.filter((name, at) => names.indexOf(name) !== at),
      [],
    );
  });

  it('have their tests at the same place below test/', () => {
    const tests = readdirSync(join(root, 'test'), { recursive: true })
      .map(String)
      .filter((path) => path.endsWith('.test.ts'));
    const own = ['contract', 'model', 'flow', 'house', 'package', 'docs', 'bench', 'demo', 'web'];
    const lost = tests.filter(
      (path) =>
        !own.includes(folderOf(path)) && layerOf(folderOf(path)) < 0 && basename(path) !== 'error.test.ts',
    );
    assert.deepEqual(lost, [], 'a test lives in the folder of the same name as what it tests');
  });
});
