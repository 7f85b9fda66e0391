/** A MongoDB output on a real server, and packs to deliver. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mongoOutput } from '../../../src/outputs/mongodb/kind.ts';
import { mongoOptions } from '../../../src/outputs/mongodb/options.ts';
import type { LedgerView, Output, PackItem } from '../../../src/outputs/output.ts';
import { systemClock } from '../../../src/telemetry/clock.ts';
import type { Emit, EventName } from '../../../src/telemetry/events.ts';

export const HOUR = '2026112216';
export const signal = new AbortController().signal;

/** A pack with this text. */
export const packOf = (id: number, bytes: Buffer, key: Partial<PackItem['key']> = {}): PackItem => {
  const whole = { host: 'web1', stream: 'access', hour: HOUR, ...key };
  const newlines = bytes.reduce((count, byte) => count + (byte === 10 ? 1 : 0), 0);
  return {
    unit: 'pack',
    key: whole,
    header: {
      ...whole,
      id,
      generation: 1,
      offset: 0,
      bytes: bytes.length,
      lines: newlines,
      checksum: 0,
      sha256: '',
      codec: 'none',
      time: 0,
    },
    bytes,
    lines: newlines + (bytes.length > 0 && bytes.at(-1) !== 10 ? 1 : 0),
  };
};

export const jsonPack = (
  id: number,
  records: readonly object[],
  key: Partial<PackItem['key']> = {},
): PackItem => packOf(id, Buffer.from(records.map((each) => `${JSON.stringify(each)}\n`).join('')), key);

const ledger: LedgerView = {
  segment: () => Promise.resolve(undefined),
  segments: () => Promise.resolve([]),
  seals: () => Promise.resolve([]),
  days: () => Promise.resolve([]),
  expectations: () => Promise.resolve([]),
  presence: () => Promise.resolve([]),
};

export interface OutputRig extends AsyncDisposable {
  readonly output: Output;
  readonly stateDir: string;
  readonly events: EventName[];
}

type Settings = Readonly<Record<string, unknown>>;

/** The output of a state directory, which may be opened again. */
export const openOutputIn = (
  stateDir: string,
  uri: string,
  settings: Settings = {},
  emit: Emit = () => undefined,
): Promise<Output> =>
  mongoOutput.open(mongoOptions.parse({ uri, connect_timeout: '1s', retry_writes: 'false', ...settings }), {
    ...{ name: 'mongo', stateDir, ledger, clock: systemClock, emit },
  });

export const openRig = async (uri: string, settings: Settings = {}): Promise<OutputRig> => {
  const stateDir = await mkdtemp(join(tmpdir(), 'logd-mongo-output-'));
  const events: EventName[] = [];
  const output = await openOutputIn(stateDir, uri, settings, (name) => void events.push(name));
  return {
    output,
    stateDir,
    events,
    async [Symbol.asyncDispose]() {
      await output[Symbol.asyncDispose]();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
};
