/** Where packs go, as people write it: one address, or several with weights. */
import { LogdError } from '../error.ts';
import { type Address, formatAddress, parseAddress } from './address.ts';
import type { Kind } from './kind.ts';

export interface UpstreamAddress {
  /** As it was written, without the weight: unique in its list. */
  readonly name: string;
  readonly address: Address;
  readonly weight: number;
  /** `tcp` is our own wire; `gowire` is that of the Go system, which gets one stream only. */
  readonly transport: { readonly kind: 'tcp' } | { readonly kind: 'gowire'; readonly stream: string };
}

const FORM = /^(?:(gowire):\/\/)?([^/*\s]+?)(?:\/([A-Za-z0-9._-]+))?(?:\*(\d{1,4}))?$/;

const parseOne = (text: string): UpstreamAddress => {
  const [, scheme, place = '', stream, weight = '1'] = FORM.exec(text) ?? [];
  const address = parseAddress(place === '' ? text : place);
  if ((scheme === 'gowire') !== (stream !== undefined))
    throw new LogdError(
      'config',
      `${JSON.stringify(text.slice(0, 80))} is no place to send to: write host:port, or gowire://host:port/STREAM for a Go node.`,
    );
  if (Number(weight) === 0) throw new LogdError('config', 'A weight must be at least 1.');
  const isGo = scheme === 'gowire' && stream !== undefined;
  return {
    name: isGo ? `gowire://${formatAddress(address)}/${stream}` : formatAddress(address),
    address,
    weight: Number(weight),
    transport: isGo ? { kind: 'gowire', stream } : { kind: 'tcp' },
  };
};

/** `sink1:7667`, or `relay1:7667*2, relay2:7667`: several with weights, with commas between them. */
export const upstreams = (): Kind<readonly UpstreamAddress[]> => ({
  name: 'address or list of addresses',
  parse: (text) => {
    const all = text.split(',').map((one) => parseOne(one.trim()));
    const twice = all.find(({ name }, index) => all.findIndex((other) => other.name === name) < index);
    if (twice !== undefined) throw new LogdError('config', `${twice.name} is in the list twice.`);
    return all;
  },
  json: { type: 'string' },
});
