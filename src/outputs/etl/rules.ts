/** Which lines go on: hosts that are allowed, addresses that are not, and conditions on columns. */
import ipaddr from 'ipaddr.js';
import { RE2JS } from 're2js';
import { LogdError, messageOf } from '../../error.ts';
import { addressToInteger } from '../../formats/values.ts';

/** Lines of a list file, without empty ones and `#` comments. */
export const listLines = (text: string): string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));

/** True for a host that one of these regular expressions finds; without any, for every host. */
export const hostFilter = (patterns: readonly string[]): ((host: string) => boolean) => {
  if (patterns.length === 0) return () => true;
  const compiled = patterns.map((pattern) => {
    try {
      return RE2JS.compile(pattern);
    } catch (error) {
      throw new LogdError('config', `The host pattern ${pattern} cannot be used: ${messageOf(error)}`);
    }
  });
  const known = new Map<string, boolean>();
  return (host) => {
    let allowed = known.get(host);
    if (allowed === undefined) {
      allowed = compiled.some((pattern) => pattern.matcher(host).find());
      if (known.size < 10_000) known.set(host, allowed);
    }
    return allowed;
  };
};

/** True for an address in one of these ranges or equal to one of these addresses (IPv4 and IPv6). */
export const addressFilter = (ranges: readonly string[]): ((address: string) => boolean) => {
  const parsed = ranges.map((range) => {
    try {
      if (range.includes('/')) return ipaddr.parseCIDR(range);
      const address = ipaddr.parse(range);
      if (address.kind() === 'ipv4' && !ipaddr.IPv4.isValidFourPartDecimal(range)) throw new Error('short');
      return [address, address.kind() === 'ipv4' ? 32 : 128] as [typeof address, number];
    } catch {
      throw new LogdError(
        'config',
        `${JSON.stringify(range)} is no address and no range such as 10.0.0.0/8.`,
      );
    }
  });
  if (parsed.length === 0) return () => false;
  const ipv4 = parsed
    .filter(([base]) => base.kind() === 'ipv4')
    .map(([base, bits]) => ({ from: addressToInteger(base.toString()) ?? 0, size: 2 ** (32 - bits) }))
    .map(({ from, size }) => ({ from: from - (from % size), size }));
  return (text) => {
    const number = addressToInteger(text);
    if (number !== undefined) return ipv4.some(({ from, size }) => number >= from && number < from + size);
    if (!ipaddr.isValid(text)) return false;
    const address = ipaddr.process(text);
    return parsed.some(([base, bits]) => address.kind() === base.kind() && address.match(base, bits));
  };
};

/** `status=200 and path~^/click`: joined by `and`. `value` gives a column's text. */
export const condition = (text: string): ((value: (column: string) => string) => boolean) => {
  const tests = text.split(/\s+and\s+/i).map((part) => {
    const [, column = '', operator = '', wanted = ''] =
      /^\s*([\w.]+)\s*(!=|=|!~|~)\s*(.*?)\s*$/.exec(part) ?? [];
    if (column === '')
      throw new LogdError(
        'config',
        `${JSON.stringify(part)} is no condition: write column=value, !=, ~ or !~.`,
      );
    if (operator === '=') return (value: (column: string) => string) => value(column) === wanted;
    if (operator === '!=') return (value: (column: string) => string) => value(column) !== wanted;
    const pattern = RE2JS.compile(wanted);
    const isWanted = operator === '~';
    return (value: (column: string) => string) => pattern.matcher(value(column)).find() === isWanted;
  });
  return (value) => tests.every((test) => test(value));
};
