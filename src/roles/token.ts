/**
 * The shared secret of a sink and its agents, from a file that may change while they run.
 *
 * Format: the first line is the token. A second line is another one that a sink takes as well: the one before, until every agent has the new one.
 * Empty lines, and lines after the first that begin with #, are skipped.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { LogdError, messageOf } from '../error.ts';
import type { Emit } from '../telemetry/events.ts';
import { warnOfOpenToken } from './exposed.ts';

const MOST_BYTES = 4096;
const SHORTEST = 16;
/** As docs/PROTOCOL.md has it. */
const LONGEST = 1024;
const MOST_TOKENS = 2;

/** The token that an agent shows, then further ones that a sink accepts. */
export type Tokens = readonly [string, ...string[]];

/** Resolves with the tokens as the file has them now, or had them when it could last be used. Never rejects. */
export type ReadTokens = () => Promise<Tokens>;

/** The tokens of a file. Rejects with `config` where it holds none that is usable, or more than two. */
export const readTokens = async (path: string): Promise<Tokens> => {
  const text = await readStart(path, Buffer.alloc(MOST_BYTES));
  const [first = '', ...others] = text.split(/\r?\n/).map((line) => line.trim());
  const tokens: Tokens = [first, ...others.filter((line) => line !== '' && !line.startsWith('#'))];
  const areUsable = tokens.every(({ length }) => length >= SHORTEST && length <= LONGEST);
  if (!areUsable || tokens.length > MOST_TOKENS || text.length === MOST_BYTES)
    throw new LogdError(
      'config',
      `The token file ${path} must hold one line of ${SHORTEST} to ${LONGEST} characters, such as \`openssl rand -hex 32\` prints, and at most one more: the token before it.`,
    );
  return tokens;
};

/**
 * Reads a token file, and from then on again whenever it is asked. Rejects with `config` when it cannot be used at first. Later its last usable
 * tokens stay in use, with one warning until it can be used again.
 */
export const openTokens = async (path: string, emit: Emit): Promise<ReadTokens> => {
  let tokens = await readTokens(path);
  await warnOfOpenToken(path, emit);
  let warned = false;
  const readAgain = async (): Promise<Tokens> => {
    try {
      const now = await readTokens(path);
      if (now.join('\n') !== tokens.join('\n')) emit('node.token-changed', { path });
      [tokens, warned] = [now, false];
    } catch (error) {
      if (!warned) emit('node.token-kept', { path, reason: messageOf(error) });
      warned = true;
    }
    return tokens;
  };
  // However many ask: one reading is under way, and one waits that begins after they have asked.
  let underWay: Promise<Tokens> = Promise.resolve(tokens);
  let waiting: Promise<Tokens> | undefined;
  return () =>
    (waiting ??= underWay.then(() => {
      waiting = undefined;
      return (underWay = readAgain());
    }));
};

const readStart = async (path: string, buffer: Buffer): Promise<string> => {
  try {
    // O_NONBLOCK: a named pipe in its place must not hold a thread until someone writes to it.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } catch (error) {
    throw new LogdError('config', `Cannot read the token file ${path}: ${messageOf(error)}.`, {
      cause: error,
    });
  }
};
