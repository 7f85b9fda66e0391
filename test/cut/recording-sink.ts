/** Stands for everything behind the sender: keeps the packs it is sent, and holds every promise about them against each one. */
import assert from 'node:assert/strict';
import { runningDigest } from '../../src/pack/digest.ts';
import type { Pack, PackHeader } from '../../src/pack/pack.ts';
import { checksumOf } from '../../src/pack/survey.ts';
import type { Answer } from '../../src/pack/answer.ts';

export interface KeptPack {
  readonly header: PackHeader;
  readonly body: Buffer;
}

export interface RecordingSink {
  /** Every pack as it was sent, repeats too; bodies are copies. */
  readonly sent: KeptPack[];
  /** Ids by stream and hour. */
  readonly hours: Map<string, Map<number, KeptPack>>;
  send(pack: Pack): Promise<Answer>;
  /** `ack`: at once. `hold`: nothing is answered until {@link RecordingSink.release}. */
  mode: 'ack' | 'hold';
  release(): void;
  /** The packs of an hour in id order; asserts that there is no hole in it. */
  packs(hour: string, stream?: string): KeptPack[];
  /** Asserts that the packs of an hour are exactly these bytes and that its end, where there is one, says so. */
  equals(hour: string, bytes: Buffer, expected?: { generation?: number; hoursInDay?: number }): void;
  /** True when the hour's last pack so far is its end (of that generation). */
  hasEnded(hour: string, generation?: number, stream?: string): boolean;
}

/** The trivial way. */
const countLines = (bytes: Buffer): number => bytes.filter((byte) => byte === 10).length;

/** What must never change about a pack: all but how it is compressed, and that its bytes may turn out to be lost. */
const identity = ({ codec: _codec, lost: _lost, ...header }: PackHeader): object => header;

/** `ours`: the stream that is meant where none is named. */
export const recordingSink = (ours = 'access'): RecordingSink => {
  const sent: KeptPack[] = [];
  const hours = new Map<string, Map<number, KeptPack>>();
  let waiting: (() => void)[] = [];

  const keep = (pack: KeptPack): void => {
    const { stream, hour, id, lost } = pack.header;
    const key = `${stream}/${hour}`;
    const known = hours.get(key) ?? new Map<number, KeptPack>();
    hours.set(key, known);
    const before = known.get(id);
    if (before !== undefined) {
      assert.deepEqual(
        identity(pack.header),
        identity(before.header),
        `pack ${id} of ${key} changed its header`,
      );
      if (lost === undefined && before.header.lost === undefined)
        assert.deepEqual(pack.body, before.body, `pack ${id} of ${key} changed its bytes`);
    }
    known.set(id, pack);
  };

  const sink: RecordingSink = {
    sent,
    hours,
    mode: 'ack',
    send({ header, body }) {
      const pack = { header, body: Buffer.from(body) };
      if (header.lost === undefined && header.codec === 'none') {
        assert.equal(pack.body.length, header.bytes);
        assert.equal(checksumOf(pack.body), header.checksum);
        assert.equal(countLines(pack.body), header.lines);
      }
      sent.push(pack);
      keep(pack);
      if (sink.mode === 'ack') return Promise.resolve({ kind: 'ack' });
      return new Promise((resolve) => waiting.push(() => resolve({ kind: 'ack' })));
    },
    release() {
      sink.mode = 'ack';
      for (const answer of waiting) answer();
      waiting = [];
    },
    packs(hour, stream = ours) {
      const known = [...(hours.get(`${stream}/${hour}`) ?? [])].sort(([a], [b]) => a - b);
      assert.deepEqual(
        known.map(([id]) => id),
        known.map((_, index) => index + 1),
        `ids of ${stream}/${hour}`,
      );
      return known.map(([, pack]) => pack);
    },
    equals(hour, bytes, { generation = 1, hoursInDay = 24 } = {}) {
      const packs = sink.packs(hour);
      const digest = runningDigest();
      let lines = 0;
      for (const { header, body } of packs) {
        assert.equal(header.lost, undefined, `pack ${header.id} of ${hour} is lost`);
        assert.equal(
          header.offset,
          digest.bytes,
          `pack ${header.id} of ${hour} does not lie behind the one before`,
        );
        digest.update(body);
        lines += header.lines;
        assert.equal(header.sha256, digest.hex(), `running digest of pack ${header.id} of ${hour}`);
        if (header.done !== undefined)
          assert.deepEqual(header.done, {
            packs: header.id,
            lines,
            bytes: digest.bytes,
            sha256: digest.hex(),
            hoursInDay,
          });
      }
      assert.ok(
        Buffer.concat(packs.map(({ body }) => body)).equals(bytes),
        `bytes of ${hour} differ from the file`,
      );
      const last = packs.at(-1);
      assert.ok(last?.header.done, `${hour} has not ended`);
      assert.equal(last.header.generation, generation);
    },
    hasEnded(hour, generation = 1, stream = ours) {
      const known = hours.get(`${stream}/${hour}`);
      const last = known?.get(Math.max(0, ...known.keys()));
      return last?.header.done !== undefined && last.header.generation === generation;
    },
  };
  return sink;
};
