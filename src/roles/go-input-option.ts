/** The `gowire` of a role that listens: packs of the Go system are taken on the same port. */
import { join } from 'node:path';
import type { z } from 'zod';
import { duration, path, size, textWith } from '../config/kind.ts';
import { option, section } from '../config/option.ts';
import { type GoInput, openGoInput } from '../inputs/gowire/go-input.ts';
import type { Answer } from '../pack/answer.ts';
import { resolveZone } from '../pack/hour.ts';
import type { Pack } from '../pack/pack.ts';
import { name } from './name-option.ts';
import type { RoleDeps } from './role.ts';

export const goInputOption = section(
  'Takes packs of the Go system (wire v1) on the same port. That wire has no token: let only its own hosts reach the port.',
  {
    stream: option(name(), {
      summary: 'Name of the stream that its lines become, as the Go system has no streams.',
      default: 'access',
      example: 'weblog',
    }),
    zone: option(textWith('time zone', resolveZone), {
      summary:
        'Time zone of its hours, which says how many a day has: an IANA name, or local for the zone of this machine.',
      default: 'local',
      example: 'Europe/Berlin',
    }),
    dir: option(path(), {
      summary: 'Directory for packs that are acknowledged and not stored or forwarded yet.',
      absent: 'gowire in state_dir',
      example: '/var/lib/logd/gowire',
    }),
    size: option(size(), {
      summary: 'Most bytes of the packs that wait. When they are used, Go nodes wait.',
      default: '1GiB',
      example: '10GiB',
      min: '1MiB',
    }),
    gap_after: option(duration(), {
      summary:
        'How long after the last pack of an hour its missing packs are waited for. Then they become gaps.',
      default: '10m',
      example: '1h',
      max: '7d',
    }),
  },
);

/** Starts the input where it is configured. */
export const startGoInput = async (
  options: z.output<typeof goInputOption> | undefined,
  stateDir: string,
  rawBytes: number,
  target: (pack: Pack) => Promise<Answer>,
  { clock, emit }: RoleDeps,
): Promise<GoInput | undefined> => {
  if (options === undefined) return undefined;
  const { stream, zone, size: bytes, gap_after: gapAfter, dir = join(stateDir, 'gowire') } = options;
  return openGoInput({ ...{ dir, stream, zone, bytes, rawBytes, gapAfter, target, clock, emit } });
};
