/** `sink.outputs`: the options that every output has, beside those of its kind. */
import type { z } from 'zod';
import { integer, textWith } from '../config/kind.ts';
import { mapOf, option, type Variant, variants } from '../config/option.ts';
import { LogdError } from '../error.ts';
import { isHourLabel, isName, NAME_RULE } from '../pack/name.ts';
import type { OutputKind } from './output.ts';

/** The options of one output as they are read. */
export type OutputConfig = Variant & { readonly start: string; readonly parallel: number };

const start = textWith(
  'now, beginning or an hour',
  (value) => {
    if (value === 'now' || value === 'beginning' || isHourLabel(value)) return value;
    throw new LogdError(
      'config',
      `${JSON.stringify(value.slice(0, 80))} is no place to start: use now, beginning, or an hour such as 2026112216.`,
    );
  },
  { type: ['string', 'integer'] },
);

const forAll = {
  start: option(start, {
    summary:
      'Which hours an output delivers that was added to a running system: those that begin to arrive from now on, all that are stored, or those from an hour on.',
    default: 'now',
    example: 'beginning',
  }),
  parallel: option(integer(), {
    summary: 'How many hours are worked on at a time.',
    default: '4',
    example: '8',
    min: '1',
    max: '256',
  }),
};

const checkKey = (name: string): void => {
  if (!isName(name) || name === 'markers')
    throw new LogdError(
      'config',
      `${JSON.stringify(name.slice(0, 80))} is not allowed as the name of an output: use ${NAME_RULE}, and not markers.`,
    );
};

/** The schema of `sink.outputs` for these kinds. */
export const outputsOption = (
  kinds: readonly OutputKind[],
): z.ZodRecord<z.ZodString, z.ZodType<OutputConfig>> =>
  mapOf(
    {
      summary:
        'What follows the ledger and delivers stored packs or sealed hours further, by a name of your choice.',
      key: 'NAME',
      keyExample: 'warehouse',
      checkKey,
    },
    variants(
      'One output.',
      kinds.map(({ kind, summary, schema }) => ({ kind, summary, schema: schema.safeExtend(forAll) })),
    ) as z.ZodType<OutputConfig>,
  );
