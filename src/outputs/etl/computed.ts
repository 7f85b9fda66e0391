/**
 * Columns that are computed by small expressions of CEL, the Common Expression Language: `double(body_bytes_sent) / 1024.0`.
 *
 * Every other column is a variable of text. An expression has no loops and calls nothing of ours, so none can hang a worker or reach
 * out of it. One that fails on a line (a text that is no number, a division by zero) gives an empty column there.
 * Source: https://github.com/google/cel-spec
 */
import { parse } from '@marcbachmann/cel-js';
import { LogdError, messageOf } from '../../error.ts';

/** Gives the column's text; `column` gives those of others. */
export type Compute = (column: (name: string) => string) => string;

const WORD = /\b[A-Za-z_]\w*\b/g;
const STRINGS = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g;

const textOf = (value: unknown): string => {
  if (value === null || value === undefined) return '';
  if (typeof value === 'object') return JSON.stringify(value);
  return String(value as string | number | bigint | boolean);
};

/** Compiles an expression. Throws `config` where it is none. */
export const computeBy = (name: string, expression: string): Compute => {
  let evaluate: (context: Record<string, string>) => unknown;
  try {
    evaluate = parse(expression);
  } catch (error) {
    const [reason = ''] = messageOf(error).split('\n');
    throw new LogdError('config', `The expression of column ${name} cannot be used: ${reason}`, {
      cause: error,
    });
  }
  const names = [...new Set(expression.replaceAll(STRINGS, '').match(WORD) ?? [])].filter(
    (each) => each !== name,
  );
  return (column) => {
    try {
      return textOf(evaluate(Object.fromEntries(names.map((each) => [each, column(each)]))));
    } catch {
      return '';
    }
  };
};
