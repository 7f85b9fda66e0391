/** The options of an agent: which files it follows, how it cuts them, and where the packs go. */
import type { z } from 'zod';
import { choice, duration, integer, path, size, textWith } from '../../config/kind.ts';
import { group, mapOf, option, rule, section } from '../../config/option.ts';
import { upstreams } from '../../config/upstreams.ts';
import { LogdError } from '../../error.ts';
import { resolveZone } from '../../pack/hour.ts';
import { isHourLabel } from '../../pack/name.ts';
import { parsePattern } from '../../tail/pattern.ts';
import { checkName, name } from '../name-option.ts';
import type { NodeConfig } from '../node-options.ts';
import { retry } from '../retry-option.ts';

const timePattern = textWith('path with a time', (value) => parsePattern(value).text);

const start = textWith(
  'beginning, end or an hour',
  (value) => {
    if (value === 'beginning' || value === 'end' || isHourLabel(value)) return value;
    throw new LogdError(
      'config',
      `${JSON.stringify(value.slice(0, 80))} is no place to start: use beginning, end, or an hour such as 2026112216.`,
    );
  },
  { type: ['string', 'integer'] },
);

const stream = section('One log source.', {
  path: option(timePattern, {
    summary:
      'Files of the stream. Between < and > stand the hour of a file as %Y %m %d %H (and %M where there are several files an hour); * and ? match any characters within a part of the path.',
    example: '/var/log/nginx/access.log.<%Y%m%d%H>',
  }),
  zone: option(textWith('time zone', resolveZone), {
    summary: 'Time zone of the hours in the file names: an IANA name, or local for the zone of this machine.',
    default: 'local',
    example: 'Europe/Berlin',
  }),
  start: option(start, {
    summary:
      'Where to start the first time, when nothing is known about the stream yet: with the beginning of the oldest file, at the end of the newest, or with an hour.',
    default: 'beginning',
    example: '2026112216',
  }),
  backlog: option(choice('before', 'beside'), {
    summary:
      'Whether earlier hours are worked through before the current one, or beside it, so that fresh lines do not wait.',
    default: 'before',
    example: 'beside',
  }),
  end: group('When an hour is over.', {
    grace: option(duration(), {
      summary:
        'How long after the end of an hour the clock alone may end it, when no file of a later hour appears.',
      default: '5m',
      example: '10m',
      max: '7d',
    }),
    quiet: option(duration(), {
      summary: 'How long the file of a past hour must not have grown before the hour is ended.',
      default: '5s',
      example: '30s',
      max: '1d',
    }),
  }),
});

const pack = group('How lines are cut into packs.', {
  size: option(size(), {
    summary: 'A pack is cut when this many bytes have gathered.',
    default: '1MiB',
    example: '2MiB',
    min: '4KiB',
    max: '16MiB',
  }),
  max_delay: option(duration(), {
    summary:
      'A pack is cut this long after its first line was seen, however small it is; files are looked at every `poll_interval`.',
    default: '1s',
    example: '250ms',
    min: '10ms',
    max: '1h',
  }),
  max_line: option(size(), {
    summary:
      'A line that is longer than this and does not fit into a pack of `size` either is split over several packs; no byte of it is lost.',
    default: '1MiB',
    example: '4MiB',
    min: '1KiB',
    max: '16MiB',
  }),
  codec: option(choice('zstd', 'none'), {
    summary: 'How packs are compressed.',
    default: 'zstd',
    example: 'none',
  }),
  level: option(integer(), {
    summary: 'Level of the zstd compression: higher is smaller and slower.',
    default: '1',
    example: '3',
    min: '-7',
    max: '19',
  }),
});

/** `agent:`; without it the node is no agent. */
export const agentOptions = rule(
  section('Follows log files, cuts them into packs and sends them to a sink.', {
    host: option(name(), {
      summary: 'The host name that segments carry.',
      absent: 'the value of node',
      example: 'web1',
    }),
    send_to: option(upstreams(), {
      summary:
        'Address of the sink or relay, or several with commas between them, each perhaps with *WEIGHT. A stream keeps to one of them while it is there. gowire://host:port/STREAM sends one stream to a node of the Go system.',
      example: 'sink1.example.com:7667',
    }),
    slow_start: option(duration(), {
      summary: 'With several addresses: how long one that was away takes to get its whole share again.',
      default: '30s',
      example: '5m',
      max: '1h',
    }),
    token_file: option(path(), {
      summary:
        'File whose first line is the token that the sink asks for. It is read again at each attempt to connect.',
      absent: 'no token is sent',
      example: '/etc/logd/token',
    }),
    poll_interval: option(duration(), {
      summary:
        'How often files are looked at for new lines; up to four times as rarely while there is more to read.',
      default: '250ms',
      example: '1s',
      min: '10ms',
      max: '1h',
    }),
    window: option(size(), {
      summary: 'Most memory for packs that are read and not acknowledged: reading stops when it is full.',
      default: '16MiB',
      example: '64MiB',
      min: '64KiB',
      max: '4GiB',
    }),
    verify: group('Reading ended hours once more, to see whether their files still hold what was sent.', {
      mode: option(choice('on', 'off'), {
        summary:
          'Whether the files of an hour are read again after it has ended, and compared with what was sent. The sink shows the result: same, changed or gone.',
        default: 'on',
        example: 'off',
      }),
      after: option(duration(), {
        summary: 'How long after the last ack of an hour its files are read again.',
        default: '1m',
        example: '1h',
        max: '7d',
      }),
      rate: option(size(), {
        summary: 'Most bytes that are read for this in a second.',
        default: '8MiB',
        example: '32MiB',
        min: '64KiB',
        max: '16GiB',
      }),
    }),
    keep_cuts: option(duration(), {
      summary:
        'How long the agent remembers packs that were acknowledged, about 150 bytes for each. When the ledger of the sink is restored from an older copy or was lost, they are sent again, as far as their files are still there. 0s remembers none.',
      default: '35d',
      example: '14d',
      max: '365d',
    }),
    retry,
    pack,
    streams: mapOf(
      {
        summary: 'The log sources, by the name of the stream.',
        key: 'STREAM',
        keyExample: 'access',
        checkKey: checkName,
      },
      stream,
    ),
  }),
  ['streams'],
  ({ streams }) =>
    Object.keys(streams).length > 0
      ? undefined
      : 'There is no stream: name at least one, such as access, with its path.',
);

/** Fills in what depends on the node. */
export const completeAgent = (options: z.output<typeof agentOptions>, { node }: NodeConfig) => ({
  ...options,
  host: options.host ?? node,
});

export type AgentConfig = ReturnType<typeof completeAgent>;
