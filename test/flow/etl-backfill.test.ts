/** `logd etl run` on a sink's stored hours: killed again and again it goes on where it stopped, and every line is accounted for. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { hoursFrom } from './lines.ts';
import { MAIN, runLogd } from './process.ts';
import { flow, type Rig } from './rig.ts';

const HOURS = hoursFrom('2026112200', 8);
const LINES = 400;

const accessLines = (hour: string): Buffer =>
  Buffer.from(
    Array.from(
      { length: LINES },
      (_, n) =>
        `10.0.0.${n % 250} - - [22/Nov/2026:${hour.slice(8)}:00:${String(n % 60).padStart(2, '0')} +0000] "GET /p/${n}?a=${n} HTTP/1.1" 200 ${n} "-" "curl"\n`,
    ).join(''),
  );

/** Every file of the tables, with its text. */
const tablesOf = async (dir: string): Promise<Record<string, string>> => {
  const names = (await readdir(dir, { recursive: true })).filter((name) => name.endsWith('.txt')).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(`${dir}/${name}`, 'utf8')] as const)),
  );
};

const etl = (rig: Rig, out: string, ...more: readonly string[]): readonly string[] => [
  ...['etl', 'run', '-c', rig.path('sink.yaml'), '--format', 'combined', '--out', rig.path(out), ...more],
];

flow('a backfill that is killed goes on where it stopped, and gives the same files', async (rig) => {
  await rig.configureSink({ compression: 'zstd' });
  await rig.configureAgent({ host: 'web1', streams: ['access'] });
  rig.spawn('sink');
  rig.spawn('web1');
  for (const hour of HOURS) await rig.sources.write('web1', 'access', hour, accessLines(hour));
  await rig.sealed();

  const whole = await runLogd([...etl(rig, 'whole'), '--json']);
  assert.equal(whole.code, 0, whole.stderr);
  assert.deepEqual(
    { ...(JSON.parse(whole.stdout) as object), dir: '' },
    { done: HOURS.length, same: 0, open: 0, failed: 0, lines: HOURS.length * LINES, dir: '' },
  );

  const doneIn = async (): Promise<number> =>
    (await readdir(rig.path('killed', 'etl_done')).catch(() => [])).length;
  for (let kills = 0; kills < 3; kills++) {
    const before = await doneIn();
    const child = spawn(process.execPath, [MAIN, ...etl(rig, 'killed', '--parallel', '1')], {
      stdio: 'ignore',
    });
    const ended = once(child, 'exit');
    await rig.until('another hour is done', async () => (await doneIn()) > before);
    child.kill('SIGKILL');
    await ended;
  }
  const rest = await runLogd([...etl(rig, 'killed'), '--json']);
  const { done, same } = JSON.parse(rest.stdout) as { readonly done: number; readonly same: number };
  assert.equal(done + same, HOURS.length);
  assert.ok(same >= 3, `${same} hours were done before it was killed`);
  assert.deepEqual(await tablesOf(rig.path('killed')), await tablesOf(rig.path('whole')));

  const some = await runLogd([
    ...etl(rig, 'whole', '--hours', `${HOURS[2]}..${HOURS[4]}`, '--force'),
    '--json',
  ]);
  assert.equal((JSON.parse(some.stdout) as { readonly done: number }).done, 3);

  // Raw lines, as stored; and a warning while an hour of the day is not sealed.
  const counted = "select count(*) as n from stored where dt = '2026-11-22'";
  const all = await runLogd(['query', '-c', rig.path('sink.yaml'), '--format', 'json', counted]);
  assert.equal(all.code, 0, all.stderr);
  assert.deepEqual(JSON.parse(all.stdout), [{ n: String(HOURS.length * LINES) }]);
  assert.equal(all.stderr, '');
  const table = await runLogd([
    'query',
    '--etl',
    rig.path('whole'),
    '--format',
    'csv',
    'select count(*) as n from lines',
  ]);
  assert.equal(table.stdout, `n\n${HOURS.length * LINES}\n`);
});
