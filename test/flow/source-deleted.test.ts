/** Files that are deleted, replaced or moved away while the sink is down: what was found of them still arrives. */
import { rename, unlink } from 'node:fs/promises';
import { assertSealedEqual } from './compare.ts';
import { bytesOf, hoursFrom } from './lines.ts';
import { flow, type Rig } from './rig.ts';

const HOST = 'web1';
const STREAM = 'access';
const hours = hoursFrom('2026112214', 6);

const SETTINGS = { window: '64KiB', pack: { size: '4KiB', max_line: '4KiB', max_delay: '20ms' } };

/** Six hours of 100 kB at an agent that may hold 64 KiB: most of it is unread when the files go. */
const prepare = async (rig: Rig): Promise<void> => {
  await rig.configureSink();
  await rig.configureAgent({
    host: HOST,
    streams: [STREAM],
    settings: SETTINGS,
    top: { shutdown_timeout: '1s' },
  });
  for (const hour of hours) await rig.sources.write(HOST, STREAM, hour, bytesOf(hour, 100_000));
};

const found = (rig: Rig, count: number, events: readonly { event: string }[]): Promise<void> =>
  rig.until(
    `${count} files are found`,
    () => events.filter(({ event }) => event === 'tail.found').length >= count,
  );

/** Deleted, deleted and written anew, moved to a name that is not followed; the last stays. */
const takeAway = async (rig: Rig): Promise<void> => {
  const path = (hour: string | undefined): string => rig.sources.path(HOST, STREAM, hour!);
  for (const hour of hours.slice(0, 2)) await unlink(path(hour));
  await unlink(path(hours[2]));
  await rig.sources.append(HOST, STREAM, hours[2]!, bytesOf('anew', 20_000));
  await unlink(path(hours[3]));
  await rename(path(hours[4]), `${path(hours[4])}.old`);
};

flow('source-deleted: the running agent has kept the files', async (rig) => {
  await prepare(rig);
  const agent = await rig.start(HOST);
  await found(rig, hours.length, agent.events);
  await takeAway(rig);
  await found(rig, hours.length + 1, agent.events);
  rig.spawn('sink');
  await rig.sealed();
  await assertSealedEqual(rig);
  await rig.released(HOST);
});

flow('source-deleted: the links outlive the agent, kill -9 included', async (rig) => {
  await prepare(rig);
  const agent = await rig.start(HOST);
  await found(rig, hours.length, agent.events);
  await takeAway(rig);
  await agent.end('SIGKILL');
  const again = await rig.start(HOST);
  await found(rig, 1, again.events);
  await again.end('SIGTERM');
  rig.spawn(HOST);
  rig.spawn('sink');
  await rig.sealed();
  await assertSealedEqual(rig);
  await rig.released(HOST);
});

flow('source-deleted: a file that was found and not linked yet is linked by the next start', async (rig) => {
  await prepare(rig);
  const agent = rig.spawn(HOST, 'hold.before-link:3');
  await agent.ended;
  const again = await rig.start(HOST);
  await rig.holds(HOST, hours.length);
  for (const hour of hours) await unlink(rig.sources.path(HOST, STREAM, hour));
  await again.end('SIGKILL');
  rig.spawn(HOST);
  rig.spawn('sink');
  await rig.sealed();
  await assertSealedEqual(rig);
  await rig.released(HOST);
});
