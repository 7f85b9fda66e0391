/** What a server looks at in HELLO, and what it answers. */
import { isName, NAME_RULE } from '../../pack/name.ts';
import { allTaken, type Guest } from '../door.ts';
import { pausing } from '../conduct.ts';
import type { Serving } from '../transport.ts';
import { encodeFrame } from './frame.ts';
import type { Resumption } from './resumption.ts';
import { type Message, type RefuseCode, VERSION } from './messages.ts';

/** Why a client is not let in. */
export interface HelloRefusal {
  readonly code: RefuseCode;
  readonly message: string;
}

/** Before its token is looked at. */
export const helloFault = ({ versions, node }: Message<'HELLO'>): HelloRefusal | undefined => {
  if (!versions.includes(VERSION))
    return {
      code: 'version',
      message: `Version ${VERSION} of the wire is the only one that the sink speaks.`,
    };
  return isName(node)
    ? undefined
    : { code: 'name', message: `The node name is not allowed: use ${NAME_RULE}.` };
};

/** Lets a client in whose token is right, or says why not. */
export const letIn = (
  { limits, conducts }: Pick<Serving, 'limits' | 'conducts'>,
  guest: Guest,
  client: string,
): HelloRefusal | undefined => {
  const pause = conducts.pauseOf(client);
  if (pause > 0) return { code: 'busy', message: pausing(pause) };
  return guest.letIn() ? undefined : { code: 'busy', message: allTaken(limits) };
};

/** The frame that says what is allowed, and what is kept of packs that broke off. */
export const welcomeFrame = (
  { limits, node, software, clock, ledger }: Serving,
  begun: ReturnType<Resumption['greet']>,
): Buffer => {
  const { windowPacks, windowBytes, bodyBytes, rawBytes } = limits;
  const offered = { windowPacks, windowBytes, bodyBytes, rawBytes };
  const mark = ledger?.mark();
  const welcome = { version: VERSION, node, software, limits: offered, time: clock.now() };
  const more = { ...(mark && { ledger: mark }), ...(begun.length > 0 && { begun }) };
  return encodeFrame('WELCOME', { ...welcome, ...more });
};
