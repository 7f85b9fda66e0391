/** `Authorization: Bearer …`, compared by digest, so that the time says nothing of the token. */
import { createHash, timingSafeEqual } from 'node:crypto';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Whether the header shows one of the tokens. */
export const showsToken = (header: string | undefined, tokens: readonly string[]): boolean => {
  const shown = digest(header?.replace(/^Bearer /, '') ?? '');
  return tokens.some((token) => timingSafeEqual(digest(token), shown));
};
