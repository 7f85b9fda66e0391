/** Network addresses as people write them: `host:port`, an IPv6 host in brackets. */
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { LogdError } from '../error.ts';

export interface Address {
  /** A host name or IP address, without brackets. */
  readonly host: string;
  readonly port: number;
}

const ADDRESS =
  /^(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)):(\d{1,5})$/;
export const ADDRESS_PATTERN = '^(\\[[0-9A-Fa-f:.%\\w-]+\\]|[A-Za-z0-9._-]+):\\d{1,5}$';

/** `127.0.0.1:7667` or `[::1]:7667` → host and port. Port 0 only where `anyPort` allows it. Throws `config`. */
export const parseAddress = (text: string, anyPort = false): Address => {
  const [, ipv6, name, digits] = ADDRESS.exec(text) ?? [];
  const host = ipv6 ?? name;
  const port = Number(digits);
  if (text.length > 300 || host === undefined || (ipv6 !== undefined && !isIPv6(ipv6)))
    throw new LogdError(
      'config',
      `${JSON.stringify(text.slice(0, 80))} is not an address: write host:port, such as 127.0.0.1:7667 or [::1]:7667.`,
    );
  if (port > 65535 || (port === 0 && !anyPort))
    throw new LogdError('config', `Port ${port} is not possible: use ${anyPort ? 0 : 1} to 65535.`);
  return { host, port };
};

/** What {@link parseAddress} reads. */
export const formatAddress = ({ host, port }: Address): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** True for `localhost`, 127.0.0.0/8 and ::1: what only this machine can connect to. Any other name is taken as reachable. */
export const isLoopback = (host: string): boolean => {
  if (host.toLowerCase() === 'localhost') return true;
  const loopback = new BlockList();
  loopback.addSubnet('127.0.0.0', 8, 'ipv4');
  loopback.addAddress('::1', 'ipv6');
  if (isIPv4(host)) return loopback.check(host, 'ipv4');
  return isIPv6(host) && loopback.check(host, 'ipv6');
};
