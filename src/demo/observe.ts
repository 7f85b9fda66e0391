/** What the demo shows: for each host and hour what was written, and what the sink's ledger has of it. */
import { stat } from 'node:fs/promises';
import type { Ledger, SegmentRecord, SegmentState } from '../ledger/ledger.ts';
import { selectSegments } from '../ledger/walk.ts';
import { demoPaths, type DemoPlan, STREAM } from './plan.ts';

/** A host's hour, from its source file to its seal. `waiting`: no file yet; `writing`: a file, and nothing has arrived. */
export interface HourView {
  readonly host: string;
  readonly hour: string;
  readonly state: SegmentState | 'waiting' | 'writing';
  readonly generation: number;
  readonly packs: number;
  readonly lines: number;
  /** Bytes the sink has stored. */
  readonly stored: number;
  /** Bytes in the source file. */
  readonly written: number;
}

export interface View {
  readonly hours: readonly HourView[];
  readonly sealed: number;
  readonly packs: number;
  readonly lines: number;
  readonly stored: number;
  readonly written: number;
}

/** Looks at the source files and, once there is one, at the ledger. */
export const observe = async (
  plan: DemoPlan,
  ledger: Pick<Ledger, 'segments'> | undefined,
): Promise<View> => {
  const records = new Map<string, SegmentRecord>();
  if (ledger)
    for await (const record of selectSegments(ledger, { stream: STREAM }))
      records.set(`${record.host}/${record.hour}`, record);
  const { source } = demoPaths(plan.dir);
  const hours = await Promise.all(
    plan.expected.map(async ({ host, hour }): Promise<HourView> => {
      const written = await sizeOf(source(host, hour));
      const record = records.get(`${host}/${hour}`);
      return {
        host,
        hour,
        state: record?.state ?? (written === undefined ? 'waiting' : 'writing'),
        generation: record?.generation ?? 1,
        packs: record?.packs ?? 0,
        lines: record?.lines ?? 0,
        stored: record?.bytes ?? 0,
        written: written ?? 0,
      };
    }),
  );
  const sum = (field: 'packs' | 'lines' | 'stored' | 'written'): number =>
    hours.reduce((total, hour) => total + hour[field], 0);
  return {
    hours,
    sealed: hours.filter(({ state }) => state === 'sealed').length,
    packs: sum('packs'),
    lines: sum('lines'),
    stored: sum('stored'),
    written: sum('written'),
  };
};

const sizeOf = async (path: string): Promise<number | undefined> => {
  try {
    return (await stat(path)).size;
  } catch {
    return undefined;
  }
};
