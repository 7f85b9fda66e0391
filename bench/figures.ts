/** What is measured, and how several runs become one figure. */
export interface Figures {
  /** Wall clock. */
  readonly seconds: number;
  /** User and system, all processes. */
  readonly cpuSeconds: number;
}

export interface ShipFigures extends Figures {
  readonly agentCpuSeconds: number;
  readonly sinkCpuSeconds: number;
  readonly agentPeakMiB: number;
  readonly sinkPeakMiB: number;
}

/** The middle one; the lower middle of an even number. */
export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
};
