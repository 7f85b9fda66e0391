/** The options of a relay: where it listens, where it sends, and what its spool may hold. */
import { join } from 'node:path';
import type { z } from 'zod';
import { formatAddress, isLoopback } from '../../config/address.ts';
import { duration, listenAddress, path, size } from '../../config/kind.ts';
import { group, option, rule, section } from '../../config/option.ts';
import { upstreams } from '../../config/upstreams.ts';
import { goInputOption } from '../go-input-option.ts';
import { limits } from '../limits-option.ts';
import type { NodeConfig } from '../node-options.ts';
import { retry } from '../retry-option.ts';

const spool = group('Packs that wait on disk while the next hop is slow or away.', {
  dir: option(path(), {
    summary: 'Directory of the spool, of this relay alone.',
    absent: 'spool in state_dir',
    example: '/var/lib/logd/spool',
  }),
  size: option(size(), {
    summary: 'Most bytes on disk. When they are used the relay takes no more packs, and senders wait.',
    default: '10GiB',
    example: '100GiB',
    min: '1MiB',
  }),
  max_age: option(duration(), {
    summary:
      'How long the oldest pack may wait. When it is older the relay takes no more packs, and senders wait; nothing is dropped.',
    default: '7d',
    example: '1d',
    min: '1s',
  }),
});

/** `relay:`; without it the node is no relay. */
export const relayOptions = rule(
  section('Receives packs and forwards them, unchanged, to sinks or further relays.', {
    listen: option(listenAddress(), {
      summary: 'Address to listen on. Beyond loopback a token_file is needed.',
      default: '127.0.0.1:7667',
      example: '0.0.0.0:7667',
    }),
    token_file: option(path(), {
      summary: 'File with the tokens that senders must present, as for a sink.',
      absent: 'anyone who can connect may send',
      example: '/etc/logd/token',
    }),
    send_to: option(upstreams(), {
      summary:
        'Address of the next hop, or several with commas between them, each perhaps with *WEIGHT. A host and stream keeps to one of them while it is there.',
      example: 'sink1.example.com:7667',
    }),
    send_token_file: option(path(), {
      summary: 'File whose first line is the token that the next hop asks for.',
      absent: 'the value of token_file',
      example: '/etc/logd/sink-token',
    }),
    slow_start: option(duration(), {
      summary: 'With several next hops: how long one that was away takes to get its whole share again.',
      default: '30s',
      example: '5m',
      max: '1h',
    }),
    patience: option(duration(), {
      summary: 'How long a pack may wait for the next hop before it is spooled and acknowledged from there.',
      default: '1s',
      example: '5s',
      min: '1ms',
      max: '1h',
    }),
    memory: option(size(), {
      summary: 'Most memory for packs on their way to the next hop, and as much for those from the spool.',
      default: '32MiB',
      example: '128MiB',
      min: '64KiB',
      max: '4GiB',
    }),
    retry,
    limits,
    gowire: goInputOption.optional(),
    spool,
  }),
  ['listen', 'token_file'],
  ({ listen, token_file }) =>
    isLoopback(listen.host) || token_file !== undefined
      ? undefined
      : `${formatAddress(listen)} can be reached from other machines, so a token_file is needed: set it, or listen on 127.0.0.1.`,
);

/** Fills in what depends on the node. */
export const completeRelay = (options: z.output<typeof relayOptions>, { state_dir }: NodeConfig) => ({
  ...options,
  spool: { ...options.spool, dir: options.spool.dir ?? join(state_dir, 'spool') },
});

export type RelayConfig = ReturnType<typeof completeRelay>;
