/**
 * A sink with a ledger in a JSON file, to be killed: `crash-child.ts <dir> <compression>`. Stores whatever packs are not recorded,
 * flushing a group while it writes the next, as often as it takes; then seals.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PackRecord, Place } from '../../../src/ledger/ledger.ts';
import type { VerifiedPack } from '../../../src/pack/pack.ts';
import { DEFAULT_LAYOUT } from '../../../src/stores/file/layout.ts';
import { openFileStore } from '../../../src/stores/file/file-store.ts';
import { packsOf, readBack, Recorder } from '../../contract/recorder.ts';
import { CRASH_PARTS } from './crash-parts.ts';

const MOST_ROUNDS = 20;
const [dir = '', compression] = process.argv.slice(2);
const ledgerPath = join(dir, 'ledger.json');

const recorder = new Recorder();
const saved = existsSync(ledgerPath) ? readFileSync(ledgerPath, 'utf8') : '[]';
for (const record of JSON.parse(saved) as PackRecord[]) recorder.records.set(record.header.id, record);

const save = (): void => {
  writeFileSync(`${ledgerPath}.new`, JSON.stringify([...recorder.records.values()]));
  renameSync(`${ledgerPath}.new`, ledgerPath);
};

await using store = await openFileStore({
  dir: join(dir, 'store'),
  compression: compression === 'zstd' ? 'zstd' : 'none',
  layout: DEFAULT_LAYOUT,
});
if (recorder.records.size > 0) await store.recover(recorder.recorded);

const packs = await packsOf(CRASH_PARTS);
const failures: string[] = [];

const storeGroup = async (group: readonly VerifiedPack[]): Promise<{ flushed: Promise<void> }> => {
  const written: { readonly pack: VerifiedPack; readonly place: Place }[] = [];
  for (const pack of group)
    try {
      written.push({ pack, place: await store.write(pack, undefined) });
    } catch (error) {
      failures.push(String(error));
    }
  const flushed = store.flush().then(
    () => {
      for (const { pack, place } of written) recorder.add(pack, place);
      save();
    },
    (error: unknown) => void failures.push(String(error)),
  );
  return { flushed };
};

for (let round = 0; recorder.records.size < packs.length && round < MOST_ROUNDS; round++) {
  const missing = packs.filter(({ header }) => !recorder.records.has(header.id)).toReversed();
  const flushes: Promise<void>[] = [];
  for (let at = 0; at < missing.length; at += 2)
    flushes.push((await storeGroup(missing.slice(at, at + 2))).flushed);
  await Promise.all(flushes);
}
await store.seal(recorder.recorded);
const bytes = await readBack(store, recorder.recorded);
console.log(
  JSON.stringify({
    path: store.locate(packs[0]!.header),
    equal: bytes.equals(Buffer.concat(CRASH_PARTS)),
    failures,
  }),
);
