/** `logd run`: the node itself. */
import { Command } from 'commander';
import { systemClock } from '../telemetry/clock.ts';
import { configOption, describeUnknown, readGiven } from './config-file.ts';
import { supervise } from './supervise.ts';

export const runCommand = (): Command =>
  new Command('run')
    .description('Run a node. The parts present in the configuration, agent and sink, decide its roles.')
    .addOption(configOption())
    .addHelpText(
      'after',
      `
Examples:
  logd run -c logd.yaml
  LOGD_LOG_FORMAT=json logd run -c /etc/logd/logd.yaml 2>> logd.log

The first SIGTERM or SIGINT stops in order: reading ends, packs in flight are acknowledged or left for
the next start, the ledger commits. A second signal ends at once, which is as safe as a crash.
SIGHUP reads the token files again. SIGUSR1 does nothing: it opens no debugger.

Exit codes:
  0      stopped in order after a signal
  1      the node could not start, failed, or did not stop within shutdown_timeout
  2      the configuration is wrong, or a token file cannot be used
  128+n  ended at once by a second signal n (130 SIGINT, 143 SIGTERM)`,
    )
    .action(async (options: { config: string }) => {
      const { config, given } = await readGiven(options.config);
      const { createLog } = await import('../telemetry/log.ts');
      const { startNode } = await import('../roles/node.ts');
      const { gatherRepeats } = await import('../telemetry/repeats.ts');
      const log = createLog({ ...config.log, clock: systemClock });
      const { emit, close } = gatherRepeats(log, systemClock);
      for (const unknown of given.unknownVariables)
        emit('node.variable-unknown', { reason: describeUnknown(unknown) });
      const code = await supervise(() => startNode(config, { emit, clock: systemClock }), {
        node: config.node,
        emit,
        signals: process,
        shutdownTimeout: config.shutdown_timeout,
        endNow: (exitCode) => process.exit(exitCode),
      });
      close();
      // Not left to the event loop: what did not drain in time would keep the process alive.
      process.exit(code);
    });
