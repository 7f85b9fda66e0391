/** The `limits` of a role that listens, and the same in the words of the transport. */
import type { z } from 'zod';
import { duration, integer, size } from '../config/kind.ts';
import { defaulted, option, rule, section } from '../config/option.ts';
import type { ServerLimits } from '../transport/transport.ts';

/** A connection must have said who it is within so many milliseconds. */
const HELLO_TIMEOUT_MS = 5_000;

/** What a role that listens allows. */
export const limits = defaulted(
  rule(
    section('What agents may ask of this node. All of it is bounded.', {
      connections: option(integer(), {
        summary: 'Most connections at a time; further ones are refused.',
        default: '256',
        example: '1000',
        min: '1',
        max: '100000',
      }),
      strangers: option(integer(), {
        summary:
          'Most connections that have not said yet who they are; half of them from one address. Above it those that were silent for longest are closed.',
        default: '256',
        example: '1000',
        min: '2',
        max: '100000',
      }),
      open_hours: option(integer(), {
        summary:
          'Most hours of all hosts that are begun and not sealed or closed, at a sink. Packs of further ones come again later.',
        default: '100000',
        example: '20000',
        min: '100',
        max: '10000000',
      }),
      open_hours_per_host: option(integer(), {
        summary:
          'The same of one host, so that one that names hours at random does not take the room of all.',
        default: '20000',
        example: '5000',
        min: '100',
        max: '10000000',
      }),
      hour_bytes: option(size(), {
        summary:
          'Most bytes of log that an hour of a host and stream may have, at a sink: a pack that claims to lie behind them is put off.',
        default: '256GiB',
        example: '1TiB',
        min: '1GiB',
      }),
      pack_bytes: option(size(), {
        summary: 'Largest pack, decompressed.',
        default: '32MiB',
        example: '16MiB',
        min: '64KiB',
        max: '1GiB',
      }),
      body_bytes: option(size(), {
        summary: 'Largest body of a pack, as it travels.',
        default: '32MiB',
        example: '16MiB',
        min: '64KiB',
        max: '1GiB',
      }),
      window_packs: option(integer(), {
        summary: 'Most unanswered packs of one connection.',
        default: '64',
        example: '16',
        min: '1',
        max: '65536',
      }),
      window_bytes: option(size(), {
        summary: 'Most unanswered bytes of one connection; a single pack may always be sent.',
        default: '16MiB',
        example: '4MiB',
        min: '64KiB',
        max: '4GiB',
      }),
      in_flight: option(size(), {
        summary:
          'Most memory for packs of all connections together, charged as their bytes arrive: connections are not read while it is full. Half of it is divided among limits.connections, so that nobody waits for the large packs of others.',
        default: '64MiB',
        example: '256MiB',
        min: '64KiB',
        max: '64GiB',
      }),
      idle_timeout: option(duration(), {
        summary: 'A connection that says nothing for so long is closed.',
        default: '60s',
        example: '5m',
        min: '1s',
        max: '1d',
      }),
      frame_timeout: option(duration(), {
        summary: 'A frame that has begun must arrive within this time.',
        default: '30s',
        example: '10s',
        min: '1s',
        max: '1d',
      }),
    }),
    ['in_flight', 'body_bytes'],
    ({ in_flight, body_bytes }) =>
      in_flight >= body_bytes
        ? undefined
        : 'A body of limits.body_bytes would never fit into in_flight: raise in_flight or lower body_bytes.',
  ),
);

export const serverLimits = (given: z.output<typeof limits>): ServerLimits => ({
  windowPacks: given.window_packs,
  windowBytes: given.window_bytes,
  bodyBytes: given.body_bytes,
  rawBytes: given.pack_bytes,
  connections: given.connections,
  strangers: given.strangers,
  inFlightBytes: given.in_flight,
  idleTimeout: given.idle_timeout,
  frameTimeout: given.frame_timeout,
  helloTimeout: HELLO_TIMEOUT_MS,
});
