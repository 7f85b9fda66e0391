/** No client makes a sink keep more open hours than it is meant to. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { limitOpenHours } from '../../src/commit/open-hours.ts';
import { startSinkNode } from '../roles/sink-node.ts';
import { cutInto, KEY, logParts } from './packs.ts';
import { brief } from './rig.ts';

it('bounds the hours of a host and of all, and counts again after a while', async () => {
  let now = 0;
  let rows = [{ host: 'a', hours: 1 }];
  let asked = 0;
  const begin = limitOpenHours(
    {
      openHours: () => {
        asked++;
        return Promise.resolve(rows);
      },
    },
    { monotonic: () => now },
    { ofHost: 3, inAll: 5 },
  );
  const may = async (host: string): Promise<boolean> => (await begin({ host })) === undefined;
  assert.deepEqual([await may('a'), await may('a'), await may('a')], [true, true, false]);
  assert.match((await begin({ host: 'a' })) ?? '', /3 hours of a are open/);
  assert.deepEqual([await may('b'), await may('c'), await may('d')], [true, true, false]);
  assert.match((await begin({ host: 'd' })) ?? '', /5 hours are open/);
  assert.equal(asked, 1);
  rows = [];
  now = 5_000;
  assert.deepEqual([await may('a'), asked], [true, 2]);
});

it('puts packs of further hours off, and takes those of hours that are begun', async () => {
  await using node = await startSinkNode({ more: '  limits: { open_hours_per_host: 100 }' });
  const hours = await Promise.all(
    Array.from({ length: 104 }, (_, n) =>
      cutInto(logParts(2), { key: { ...KEY, stream: `s${n}` }, ends: [2] }),
    ),
  );
  const first = await node.send(hours.map(([pack]) => pack!));
  assert.deepEqual(
    first.map(brief).filter((code) => code !== 'ack'),
    Array.from({ length: 4 }, () => 'limit'),
  );
  assert.ok(first.every((answer) => answer.kind === 'ack' || answer.retryable));
  const begun = hours.filter((_, n) => first[n]?.kind === 'ack');
  assert.ok((await node.send(begun.map(([, last]) => last!))).every(({ kind }) => kind === 'ack'));
  for (const [pack] of begun) await node.reaches(pack!.header, 'sealed');
  const left = hours.filter((_, n) => first[n]?.kind !== 'ack').flat();
  while ((await node.send(left)).some(({ kind }) => kind !== 'ack'));
  for (const [pack] of hours) await node.reaches(pack!.header, 'sealed');
});

it('puts off a pack that claims to lie behind all that an hour may have, and makes no file of it', async () => {
  await using node = await startSinkNode({ more: '  limits: { hour_bytes: 1GiB }' });
  const [first, second] = await cutInto(logParts(2));
  const far = { ...second!, header: { ...second!.header, id: 9, offset: 2 ** 40, done: undefined } };
  const { done: _, ...header } = far.header;
  const [answer] = await node.send([{ ...far, header }]);
  assert.ok(answer?.kind === 'nack' && answer.code === 'limit' && answer.retryable);
  assert.match(answer.message, /Pack 9 of .* ends at byte 1099\d+, and an hour may have 1073741824/);
  assert.deepEqual((await node.send([first!, second!])).map(brief), ['ack', 'ack']);
  await node.reaches(KEY, 'sealed');
});
