/** After an hour was sent its files are read once more: the seal says whether they are the same, changed (with the place), or gone. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { open, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { bytesOf } from './lines.ts';
import { MAIN } from './process.ts';
import { flow, type Rig } from './rig.ts';

const [HOST, STREAM] = ['web1', 'access'];
const HOURS = ['2026112213', '2026112214', '2026112215'] as const;

const sources = async (rig: Rig): Promise<(string | undefined)[]> =>
  (await rig.segments()).map(({ source }) => source);

const status = async (rig: Rig): Promise<{ text: string; json: { segments: Record<string, string>[] } }> => {
  const run = async (...more: string[]): Promise<string> =>
    (await promisify(execFile)(process.execPath, [MAIN, 'status', '-c', rig.path('sink.yaml'), ...more]))
      .stdout;
  return { text: await run(), json: JSON.parse(await run('--json')) as never };
};

flow('source-verified: same, changed and gone, behind each seal', async (rig) => {
  await rig.configureSink();
  const verify = (mode: 'on' | 'off'): Promise<string> =>
    rig.configureAgent({ host: HOST, streams: [STREAM], settings: { verify: { mode, after: '10ms' } } });
  await verify('off');
  const sink = await rig.start('sink');
  const first = await rig.start(HOST);
  for (const hour of HOURS) await rig.sources.append(HOST, STREAM, hour, bytesOf(hour, 20_000));
  await rig.sealed();
  assert.deepEqual(await sources(rig), [undefined, undefined, undefined]);
  assert.equal((await status(rig)).json.segments[0]!['source'], 'unchecked');
  await first.end('SIGTERM');

  const changed = await open(rig.sources.path(HOST, STREAM, HOURS[1]), 'r+');
  await changed.write(Buffer.from('#'), 0, 1, 9_000);
  await changed.close();
  await rm(rig.sources.path(HOST, STREAM, HOURS[2]));
  await verify('on');
  const agent = await rig.start(HOST);
  await rig.until('all hours are checked', async () => !(await sources(rig)).includes(undefined));
  assert.deepEqual(await sources(rig), ['same', 'changed', 'gone']);
  const { place, level } = await agent.event('source.changed');
  assert.match(String(place), /access\.2026112214 differs within pack 3, bytes \d+ to \d+ of the hour/);
  assert.equal(level, 'error');
  assert.equal((await sink.event('source.changed')).place, place);
  const { text, json } = await status(rig);
  assert.match(text.replace(/\s+/g, ' '), /was changed on its host after it was sent/);
  assert.deepEqual(
    json.segments.map(({ source, state }) => [state, source]),
    [
      ['sealed', 'same'],
      ['sealed', 'changed'],
      ['sealed', 'gone'],
    ],
  );
});
