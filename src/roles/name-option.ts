/** The name of a host, stream or node, as an option. */
import { textWith } from '../config/kind.ts';
import { LogdError } from '../error.ts';
import { isName, NAME_RULE } from '../pack/name.ts';

export const name = () =>
  textWith('name', (value) => {
    checkName(value);
    return value;
  });

/** @throws LogdError `config` */
export const checkName = (value: string): void => {
  if (!isName(value))
    throw new LogdError(
      'config',
      `${JSON.stringify(value.slice(0, 80))} is not allowed as a name: use ${NAME_RULE}.`,
    );
};
