/** A sink role in this process, on a real port and a real disk, and clients for it: good ones and raw ones. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseConfig } from '../../src/config/load.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts';
import type { Ledger, SegmentRecord } from '../../src/ledger/ledger.ts';
import { recordedSegment } from '../../src/ledger/recorded.ts';
import { segmentName, type SegmentKey, type VerifiedPack } from '../../src/pack/pack.ts';
import { logdOptions } from '../../src/roles/options.ts';
import type { Role } from '../../src/roles/role.ts';
import { startSink } from '../../src/roles/sink/sink.ts';
import { viewStore } from '../../src/stores/registry.ts';
import { systemClock } from '../../src/telemetry/clock.ts';
import { connect } from '../../src/transport/tcp/client.ts';
import type { Answer } from '../../src/pack/answer.ts';
import type { Upstream } from '../../src/transport/transport.ts';
import type { Seen } from '../commit/rig.ts';
import { clientOptions, openRaw, type RawClient } from '../transport/tcp/rig.ts';

export interface SinkNodeOptions {
  readonly compression?: 'none' | 'zstd';
  readonly token?: string;
  /** Where its ledger and markers are, instead of in its own directory. */
  readonly state?: string;
  /** Where it stores, instead of in its own directory. */
  readonly stored?: string;
  /** Settings of the store, beside those above. */
  readonly store?: string;
  /** More below `sink:`, as YAML. */
  readonly more?: string;
}

export interface SinkNode extends AsyncDisposable {
  readonly dir: string;
  readonly events: Seen[];
  readonly address: { readonly host: string; readonly port: number };
  connect(token?: string): Promise<Upstream>;
  raw(): Promise<RawClient>;
  /** Sends packs over a connection of their own. */
  send(packs: readonly VerifiedPack[], via?: Upstream): Promise<Answer[]>;
  said(name: Seen['name']): Seen['fields'][];
  /** Waits until it has been said so often. */
  says(name: Seen['name'], times: number): Promise<void>;
  /** Stops in order. */
  stop(): Promise<void>;
  /** On the same port; `store`: other settings of the store from now on. */
  restart(store?: string): Promise<void>;
  segment(key: SegmentKey): Promise<SegmentRecord | undefined>;
  segments(): Promise<SegmentRecord[]>;
  /** Waits until the segment has that state. */
  reaches(key: SegmentKey, state: SegmentRecord['state']): Promise<SegmentRecord>;
  /** The stored bytes of a segment, decompressed. */
  read(key: SegmentKey): Promise<Buffer>;
  /** Where the segment's file is. */
  locate(key: SegmentKey): string;
  /** Every path below its directory. */
  files(): Promise<string[]>;
}

const POLL_MS = 10;

export const startSinkNode = async (options: SinkNodeOptions = {}): Promise<SinkNode> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-sink-'));
  const events: Seen[] = [];
  const { compression = 'none', token, more = '', stored = join(dir, 'stored') } = options;
  const { state = join(dir, 'state') } = options;
  let storeSettings = options.store ?? '';
  const tokenFile = join(dir, 'token');
  if (token !== undefined) await writeFile(tokenFile, `${token}\n`);
  let role: Role | undefined;
  let port = 0;

  const configOf = () => {
    const yaml = `node: sink1
state_dir: ${state}
sink:
  listen: 127.0.0.1:${port}
  ${token === undefined ? '' : `token_file: ${tokenFile}`}
  store: { kind: file, dir: ${stored}, compression: ${compression}, ${storeSettings} }
${more}
`;
    const loaded = parseConfig(yaml, logdOptions, {});
    assert.ok(loaded.ok, JSON.stringify(loaded));
    return loaded.value;
  };

  const start = async (): Promise<void> => {
    const config = configOf();
    const begun = events.length;
    role = await startSink(config.sink!, config, {
      emit: (name, fields) => void events.push({ name, fields }),
      clock: systemClock,
    });
    const listening = events.slice(begun).find(({ name }) => name === 'receive.listening');
    assert.ok(listening && 'address' in listening.fields);
    port = Number(String(listening.fields.address).split(':').at(-1));
  };
  const stop = async (): Promise<void> => {
    await role?.stop();
    role = undefined;
  };

  let reader: Ledger | undefined;
  const look = async (): Promise<Ledger> =>
    (reader ??= await openSqliteLedger({ path: join(state, 'ledger.db'), readOnly: true }));
  const view = await viewStore(configOf().sink!.store);

  const node: SinkNode = {
    ...{ dir, events },
    get address() {
      return { host: '127.0.0.1', port };
    },
    connect: (shown) =>
      connect({ ...clientOptions(node.address), ...(shown !== undefined && { token: shown }) }),
    raw: () => openRaw(node.address),
    async send(packs, via) {
      if (via !== undefined) return Promise.all(packs.map(({ header, body }) => via.send({ header, body })));
      await using upstream = await node.connect(token);
      return await node.send(packs, upstream);
    },
    said: (wanted) => events.filter(({ name }) => name === wanted).map(({ fields }) => fields),
    async says(wanted, times) {
      while (node.said(wanted).length < times) await sleep(POLL_MS);
    },
    stop,
    async restart(store = storeSettings) {
      await stop();
      storeSettings = store;
      await start();
    },
    segment: async (key) => (await look()).segment(key),
    segments: async () => (await look()).segments({}),
    async reaches(key, state) {
      for (;;) {
        const segment = await node.segment(key);
        if (segment?.state === state) return segment;
        const over = segment?.state === 'sealed' || segment?.state === 'refused';
        assert.ok(!over, `${segmentName(key)} is ${segment?.state}: ${segment?.reason}`);
        await sleep(POLL_MS);
      }
    },
    async read(key) {
      const ledger = await look();
      const segment = await ledger.segment(key);
      assert.ok(segment);
      const parts: Buffer[] = [];
      for await (const part of view.read(recordedSegment(ledger, segment))) parts.push(Buffer.from(part));
      return Buffer.concat(parts);
    },
    locate: view.locate,
    files: async () => (await readdir(dir, { recursive: true })).toSorted(),
    async [Symbol.asyncDispose]() {
      await stop();
      await reader?.[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
  await start().catch(async (error: unknown) => {
    await rm(dir, { recursive: true, force: true });
    throw error;
  });
  return node;
};

/** The file itself, which for `none` is the segment. */
export const storedFile = (node: SinkNode, key: SegmentKey): Promise<Buffer> => readFile(node.locate(key));
