/** What the exit code of a command says. */
import { LogdError } from '../error.ts';

/** Part of the interface: a number never changes its meaning. */
export const EXIT = {
  /** The command did what was asked, or the answer is yes. */
  ok: 0,
  /** The answer is no (a difference was found, a segment is not sealed), the node failed, or the output cannot be written. */
  failed: 1,
  /** The command line or the configuration is wrong: nothing was started. */
  usage: 2,
  /** `logd wait`: an hour is refused or incomplete, and waiting does not mend it. */
  closed: 3,
} as const;

/** The exit code of a command, or of a node, that could not do what was asked. */
export const failureExit = (error: unknown): number =>
  error instanceof LogdError && (error.code === 'config' || error.code === 'usage')
    ? EXIT.usage
    : EXIT.failed;

/** The exit code after a second signal, as shells have it: SIGINT 130, SIGTERM 143; 141 when the output's reader is gone. */
export const signalExit = (number: number): number => 128 + number;

export const EXIT_CODES_HELP = `Exit codes:
  0      done, or the answer is yes
  1      the answer is no (a difference, an unsealed hour), the node failed,
         or the output cannot be written
  2      the command line or the configuration is wrong
  3      logd wait: an hour is refused or incomplete
  128+n  ended at once by a second signal n (130 SIGINT, 143 SIGTERM), or
         because the reader of the output went away (141 SIGPIPE)`;
