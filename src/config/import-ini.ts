/**
 * The configuration of a Go node, as ours: role by role, with what has no counterpart.
 *
 *   [tail]         agent            [collector]     relay
 *   [fcollector]   sink, file store [mgocollector]  sink with a mongodb output
 *   [etlcollector] sink with an etl output          [receiver] [heart_beat]  monitor
 *   [monitor]      what each node reports to
 *
 * The Go system is one role in each process, chosen on its command line, so each section becomes a configuration of its own.
 */
import { GO_ROLES, type GoFiles, NO_FILES } from './go-roles.ts';
import type { Ini } from './ini.ts';

export interface ImportedNode {
  /** `tail`, `collector`, … */
  readonly role: string;
  /** To be written as YAML. */
  readonly config: Readonly<Record<string, unknown>>;
  /** What a person must look at, in whole sentences. */
  readonly notes: readonly string[];
}

export interface ImportedIni {
  readonly nodes: readonly ImportedNode[];
  /** What of the file is in no role. */
  readonly notes: readonly string[];
}

/** Sections whose values belong to those of another one. */
const SHARED: Readonly<Record<string, string>> = { receiver: 'heart_beat' };
const OF_EACH_NODE = 'monitor';

const importRole = (ini: Ini, name: string, files: GoFiles): ImportedNode => {
  const own = new Map([...(ini.get(SHARED[name] ?? '') ?? []), ...(ini.get(name) ?? [])]);
  const reporting = ini.get(OF_EACH_NODE);
  const left = new Set(own.keys());
  const notes: string[] = [];
  const used = (key: string): string | undefined => {
    left.delete(key);
    return own.get(key) ?? reporting?.get(key);
  };
  const role = name === 'receiver' ? 'monitor' : name;
  const config = { state_dir: `/var/lib/logd/${role}`, ...GO_ROLES[name]?.({ files, notes, used }) };
  for (const key of left) notes.push(`${key} = ${own.get(key)} has no counterpart.`);
  return { role, config, notes };
};

/** Each role of the file, with its notes; and what of the file is in no role. */
export const importIni = (ini: Ini, files: GoFiles = NO_FILES): ImportedIni => {
  const notes: string[] = [];
  const nodes: ImportedNode[] = [];
  for (const [name, values] of ini) {
    if (GO_ROLES[name] !== undefined) nodes.push(importRole(ini, name, files));
    else if (name === 'logAgent')
      notes.push(
        '[logAgent]: a node logs to standard error; its level is log.level. The journal or a service manager keeps it.',
      );
    else if (values.size > 0 && name !== OF_EACH_NODE && !Object.values(SHARED).includes(name))
      notes.push(`[${name}] has no counterpart.`);
  }
  return { nodes, notes };
};
