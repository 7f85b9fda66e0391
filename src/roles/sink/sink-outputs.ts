/** The outputs of a sink, as its options have them: marker files, and those below `sink.outputs`. */
import { openOutput, outputKindOf } from '../../outputs/registry.ts';
import { markersKind } from '../../outputs/markers/markers.ts';
import type { ConfiguredOutput } from '../../outputs/outputs.ts';
import type { OutputConfig } from '../../outputs/options.ts';
import type { SinkConfig } from './sink-options.ts';

/** Hours that end together share the syncs of the directory. */
const MARKERS_PARALLEL = 64;

type SinkMarkers = Pick<SinkConfig, 'markers' | 'expect' | 'expect_within'> & {
  readonly outputs?: Readonly<Record<string, OutputConfig>> | undefined;
};

export const configuredOutputs = ({
  markers,
  outputs,
  expect,
  expect_within: within,
}: SinkMarkers): ConfiguredOutput[] => [
  {
    ...{ name: 'markers', unit: markersKind.unit, start: 'beginning', parallel: MARKERS_PARALLEL },
    open: (deps) => markersKind.open({ ...markers, expected: { within, fixed: expect } }, deps),
  },
  ...Object.entries(outputs ?? {}).map(([name, { start, parallel, ...options }]): ConfiguredOutput => ({
    ...{ name, unit: outputKindOf(options).unit, start, parallel },
    open: (deps) => openOutput(options, deps),
  })),
];
