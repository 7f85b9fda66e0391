/** The options of a sink node: where it listens, what it allows, where packs and the record of them are kept. */
import { join } from 'node:path';
import type { z } from 'zod';
import { hostList } from '../../ledger/expected-hosts.ts';
import { completeLedger, ledgerKinds, USUAL_LEDGER } from '../../ledger/registry.ts';
import { formatAddress, isLoopback } from '../../config/address.ts';
import { duration, listenAddress, path } from '../../config/kind.ts';
import type { Retain } from '../../config/retain.ts';
import { group, option, rule, section, variants } from '../../config/option.ts';
import { storeKinds } from '../../stores/registry.ts';
import { goInputOption } from '../go-input-option.ts';
import { limits } from '../limits-option.ts';
import type { NodeConfig } from '../node-options.ts';
import { outputsOption } from '../../outputs/options.ts';
import { outputKinds } from '../../outputs/registry.ts';

/** A build without kinds of outputs has no such section. */
const outputsSection = (): { readonly outputs: z.ZodOptional<ReturnType<typeof outputsOption>> } =>
  (outputKinds.length > 0 ? { outputs: outputsOption(outputKinds).optional() } : {}) as ReturnType<
    typeof outputsSection
  >;

/** `sink:`; without it the node is no sink. */
export const sinkOptions = rule(
  section('Receives packs, stores them, keeps the ledger and seals complete segments.', {
    listen: option(listenAddress(), {
      summary: 'Address to listen on. Beyond loopback a token_file is needed.',
      default: '127.0.0.1:7667',
      example: '0.0.0.0:7667',
    }),
    token_file: option(path(), {
      summary:
        'File whose first line is the token that agents must present. A second line is accepted as well, so that agents can be given a new token one after the other. It is read again whenever an agent connects.',
      absent: 'anyone who can connect may send',
      example: '/etc/logd/token',
    }),
    ledger: variants('The durable record of packs, gaps and seals.', ledgerKinds, USUAL_LEDGER),
    markers: group('Empty files that tell scripts which hours and days are complete.', {
      dir: option(path(), {
        summary:
          'Directory of <host>_<stream>_<hour>_<lines> and <host>_<stream>_<day>, and of _<stream>_<hour> and _<stream>_<day> once all expected hosts have it. A _ within a name is doubled. Of this sink alone: others are removed.',
        absent: 'received in state_dir',
        example: '/var/lib/logd/received',
      }),
    }),
    expect_within: option(duration(), {
      summary:
        'A host that had an hour of a stream so long before is expected to have each hour of it, until `logd expect retire`. An expected hour that is missing is shown as absent, and the stream has no marker for it.',
      default: '7d',
      example: '2d',
      min: '1h',
    }),
    expect: option(hostList(), {
      summary:
        'The hosts that must have each hour, in place of those that had hours before: HOST for all streams, or STREAM/HOST, with commas between them.',
      absent: 'those that had hours within expect_within, and those of `logd expect add`',
      example: 'access/web1, access/web2',
    }),
    expire_after: option(duration(), {
      summary: 'A segment that is still incomplete this long after its last pack is closed with its gaps.',
      default: '4d',
      example: '12h',
      min: '1s',
    }),
    repull_after: option(duration(), {
      summary:
        'An open hour with missing packs that is quiet for this long: the sink asks its agent to send them again. Their cuts must be remembered there (agent.keep_cuts), and their files be there. 0s never asks by itself; `logd repull` does.',
      default: '1m',
      example: '5m',
      max: '1d',
    }),
    limits,
    gowire: goInputOption.optional(),
    store: variants('Where packs are kept.', storeKinds),
    ...outputsSection(),
  }),
  ['listen', 'token_file'],
  ({ listen, token_file }) =>
    isLoopback(listen.host) || token_file !== undefined
      ? undefined
      : `${formatAddress(listen)} can be reached from other machines, so a token_file is needed: set it, or listen on 127.0.0.1.`,
);

/** Fills in what depends on the node. */
export const completeSink = (options: z.output<typeof sinkOptions>, { state_dir }: NodeConfig) => ({
  ...options,
  ledger: completeLedger(options.ledger, state_dir),
  markers: { dir: options.markers.dir ?? join(state_dir, 'received') },
});

export type SinkConfig = ReturnType<typeof completeSink>;

/** Other kinds of stores and ledgers may have no such options: they keep all. */
export const retentionOf = ({ store, ledger }: SinkConfig): { retain: Retain; keepPacks: number } => ({
  retain: (store['retain'] as Retain | undefined) ?? 'forever',
  keepPacks: (ledger['keep_packs'] as number | undefined) ?? Number.POSITIVE_INFINITY,
});
