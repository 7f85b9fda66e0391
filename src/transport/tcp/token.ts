/** The shared secret that a client shows in HELLO. */
import { hash, timingSafeEqual } from 'node:crypto';

/**
 * Why a client may not come in with this token, or undefined where it is one of those that are right. Takes as long whatever it shows: where it differs
 * is said to nobody.
 */
export const tokenFault = (shown: string | undefined, right: readonly string[]): string | undefined => {
  const digest = hash('sha256', shown ?? '', 'buffer');
  const found = right.map((token) => timingSafeEqual(digest, hash('sha256', token, 'buffer')));
  if (found.includes(true)) return undefined;
  // Read on both sides, so it says whose file is meant.
  return shown === undefined
    ? "A token is required: the agent needs a token_file with the same first line as the sink's."
    : "The token is wrong: the token_file of the agent must have the same first line as the sink's.";
};
