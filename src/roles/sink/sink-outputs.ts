/** The outputs of a sink, as its options have them: marker files, and those below `sink.outputs`. */
import { openOutput, outputKindOf } from '../../outputs/registry.ts';
import { markersKind } from '../../outputs/markers/markers.ts';
import type { ConfiguredOutput } from '../../outputs/outputs.ts';
import type { OutputConfig } from '../../outputs/options.ts';
import type { SinkConfig } from './sink-options.ts';

/** Marker files are written for one hour after the other: a directory has one order. */
const MARKERS_PARALLEL = 4;

export const configuredOutputs = (
  markers: SinkConfig['markers'],
  outputs: Readonly<Record<string, OutputConfig>> | undefined,
): ConfiguredOutput[] => [
  {
    ...{ name: 'markers', unit: markersKind.unit, start: 'beginning', parallel: MARKERS_PARALLEL },
    open: (deps) => markersKind.open(markers, deps),
  },
  ...Object.entries(outputs ?? {}).map(([name, { start, parallel, ...options }]): ConfiguredOutput => ({
    ...{ name, unit: outputKindOf(options).unit, start, parallel },
    open: (deps) => openOutput(options, deps),
  })),
];
