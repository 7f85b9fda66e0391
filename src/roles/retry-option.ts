/** The `retry` of a role that connects. */
import { duration } from '../config/kind.ts';
import { defaulted, option, rule, section } from '../config/option.ts';

export const retry = defaulted(
  rule(
    section('How long to wait before connecting again. The wait doubles with each failure and is jittered.', {
      min: option(duration(), {
        summary: 'The first wait.',
        default: '200ms',
        example: '1s',
        min: '1ms',
        max: '1d',
      }),
      max: option(duration(), {
        summary: 'The longest wait.',
        default: '30s',
        example: '2m',
        min: '1ms',
        max: '1d',
      }),
    }),
    ['min', 'max'],
    ({ min, max }) =>
      min <= max ? undefined : 'The first wait is longer than retry.max: lower one or raise the other.',
  ),
);
