/** Files and directories that others on the machine may read or change though they must not. Only a warning: the node does its work. */
import { stat } from 'node:fs/promises';
import type { Emit } from '../telemetry/events.ts';

const OTHERS_WRITE = 0o002;
const OTHERS_READ = 0o004;
const GROUP_WRITE = 0o020;

const modeOf = async (path: string): Promise<number> =>
  stat(path).then(
    ({ mode }) => mode & 0o777,
    () => 0,
  );

/** A directory in which everybody may put files: whoever can log in can put a link, or another file, in the place of an hour. */
export const warnOfOpenDirectory = async (path: string, emit: Emit): Promise<void> => {
  const mode = await modeOf(path);
  if ((mode & OTHERS_WRITE) === 0) return;
  const reason = `Everybody on this machine may write to ${path}, and so replace stored hours. Run: chmod o-w ${path}`;
  emit('node.exposed', { path, reason });
};

/** A token file that others may read, or change. */
export const warnOfOpenToken = async (path: string, emit: Emit): Promise<void> => {
  const mode = await modeOf(path);
  if ((mode & (OTHERS_READ | OTHERS_WRITE | GROUP_WRITE)) === 0) return;
  const can = (mode & (OTHERS_WRITE | GROUP_WRITE)) === 0 ? 'read' : 'change';
  const reason = `Others on this machine may ${can} the token file ${path}, and so send as an agent. Run: chmod 640 ${path}`;
  emit('node.exposed', { path, reason });
};
