/** What becomes of a command whose output cannot be written: no stack trace, and never a part of it with exit code 0. */
import { fstatSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { getSystemErrorMessage } from 'node:util';
import { errnoOf, messageOf } from '../error.ts';
import { EXIT, signalExit } from './exit-codes.ts';

type Streams = Pick<NodeJS.Process, 'stdout' | 'stderr'>;

/** Calls `end` with the exit code when the output cannot be written; quietly when its reader went away, as after `| head -1`. */
export const guardOutput = ({ stdout, stderr }: Streams, end: (code: number) => void): void => {
  // Where nothing can be said, there is nobody to tell: not a reason to die.
  stderr.on('error', () => undefined);
  stdout.on('error', (error) => {
    if (errnoOf(error) === 'EPIPE') return end(signalExit(constants.signals.SIGPIPE));
    stderr.write(`logd: Cannot write the output: ${reasonOf(error)}.\n`);
    end(EXIT.failed);
  });
  // Node's stream for files takes a write that was cut short by a full disk for a whole one.
  if (fstatSync(stdout.fd).isFile())
    stdout._write = (chunk: Uint8Array, _encoding, done) => {
      try {
        writeFileSync(stdout.fd, chunk);
      } catch (error) {
        done(error instanceof Error ? error : new Error(messageOf(error)));
        return;
      }
      done();
    };
};

/** `no space left on device` */
const reasonOf = (error: Error): string =>
  'errno' in error && typeof error.errno === 'number' ? getSystemErrorMessage(error.errno) : error.message;
