/**
 * Columns of a row as typed values. A value of another type means that the file is damaged or was changed by hand.
 */
import type { SQLOutputValue } from 'node:sqlite';
import { damage } from './failure.ts';

/** A row as `node:sqlite` returns it. */
export type Row = Readonly<Record<string, SQLOutputValue>>;

const unexpected = (column: string, wanted: string): Error =>
  damage(`it holds no ${wanted} in column ${column}`);

export const readInteger = (row: Row, column: string): number => {
  const value = row[column];
  if (typeof value !== 'number') throw unexpected(column, 'number');
  return value;
};

export const readText = (row: Row, column: string): string => {
  const value = row[column];
  if (typeof value !== 'string') throw unexpected(column, 'text');
  return value;
};

/** A blob as lower-case hex. */
export const readHex = (row: Row, column: string): string => {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw unexpected(column, 'blob');
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex');
};

export const isNull = (row: Row, column: string): boolean => row[column] === null;
