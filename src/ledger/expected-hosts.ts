/** Hosts that must have each hour, as people write them: `web1, web2`, or `access/web1` for one stream. */
import type { Kind } from '../config/kind.ts';
import { LogdError } from '../error.ts';
import { isName, NAME_RULE } from '../pack/name.ts';

export interface NamedHost {
  readonly host: string;
  /** Undefined: in every stream. */
  readonly stream?: string;
}

const parseOne = (text: string): NamedHost => {
  const parts = text.trim().split('/');
  const [stream, host] = parts.length === 1 ? [undefined, parts[0]] : parts;
  if (parts.length > 2 || host === undefined || !parts.every(isName))
    throw new LogdError(
      'config',
      `${JSON.stringify(text.trim().slice(0, 80))} is no host: write HOST or STREAM/HOST, where a name has ${NAME_RULE}.`,
    );
  return { host, ...(stream !== undefined && { stream }) };
};

/** Throws `config` for what is no list of hosts. */
export const parseHosts = (text: string): NamedHost[] => text.split(',').map(parseOne);

export const hostList = (): Kind<readonly NamedHost[]> => ({
  name: 'list of hosts',
  parse: parseHosts,
  json: { type: 'string' },
});
