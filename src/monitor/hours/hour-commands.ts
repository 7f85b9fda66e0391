/** What a person may run about an hour, with what it is for. Names hold nothing that a shell would take for its own. */
import type { StateLetter } from './cell-states.ts';

export interface HourCommand {
  /** Where to run it, and what it says. */
  readonly what: string;
  readonly command: string;
}

export interface HourName {
  readonly stream: string;
  readonly host: string;
  /** As the sink calls it. */
  readonly label: string;
}

const quoted = (path: string): string =>
  /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;

const digestOf = (path: string): string =>
  path.endsWith('.zst') ? `zstdcat ${quoted(path)} | sha256sum` : `sha256sum ${quoted(path)}`;

/** `sink` and `storedFile` as far as they are known. */
export const hourCommands = (
  state: StateLetter,
  { stream, host, label }: HourName,
  {
    sink = 'the sink',
    storedFile,
  }: { readonly sink?: string | undefined; readonly storedFile?: string | undefined },
): HourCommand[] => {
  const selected = `--host ${host} --stream ${stream} --hour ${label}`;
  const status = {
    what: `On ${sink}: what is missing, and why.`,
    command: `logd status -c sink.yaml ${selected}`,
  };
  const audit = {
    what: `On ${sink}: reads what is stored and compares it with the seal.`,
    command: `logd audit -c sink.yaml ${selected}`,
  };
  const retire = {
    what: `On ${sink}, where ${host} is gone for good: nothing more is expected of it.`,
    command: `logd expect retire ${stream} ${host} -c sink.yaml`,
  };
  const digest =
    storedFile === undefined
      ? []
      : [{ what: `On ${sink}: must print the SHA-256 of the seal.`, command: digestOf(storedFile) }];
  if (state === 'S' || state === 'E') return [audit, ...digest];
  if (state === 'N') return [status, retire];
  return state === '.' || state === ' ' || state === 'X' ? [] : [status];
};
