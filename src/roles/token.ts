/** The shared secret of a sink and its agents, from a file. */
import { open } from 'node:fs/promises';
import { LogdError, messageOf } from '../error.ts';

const MOST_BYTES = 1024;
const SHORTEST = 16;

/** The first line of a token file, or undefined without one. Rejects with `config` when it holds no usable token. */
export const readToken = async (path: string | undefined): Promise<string | undefined> => {
  if (path === undefined) return undefined;
  const buffer = Buffer.alloc(MOST_BYTES);
  const text = await readStart(path, buffer);
  const token = text.split(/\r?\n/, 1)[0]?.trim() ?? '';
  if (token.length < SHORTEST || text.length === MOST_BYTES)
    throw new LogdError(
      'config',
      `The token file ${path} must hold one line of ${SHORTEST} to ${MOST_BYTES - 2} characters, such as \`openssl rand -hex 32\` prints.`,
    );
  return token;
};

const readStart = async (path: string, buffer: Buffer): Promise<string> => {
  try {
    await using file = await open(path);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } catch (error) {
    throw new LogdError('config', `Cannot read the token file ${path}: ${messageOf(error)}.`, {
      cause: error,
    });
  }
};
