/** Names of sendings: a connection that breaks off is gone on with by the next one under the same name, see transport/broken-off.ts. */
import { randomBytes } from 'node:crypto';

/** A name that no other sending has, also of another process. */
export type NameSending = () => string;

export const createSendings = (): NameSending => {
  const run = randomBytes(9).toString('base64url');
  let count = 0;
  return () => `${run}-${++count}`;
};
