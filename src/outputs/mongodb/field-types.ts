/** Types that a user gives to fields. A value that cannot be read as its type is stored as it came. */
import { addressAsInteger, readLineTime } from './go-logd-document.ts';

export const fieldTypes = ['text', 'integer', 'number', 'boolean', 'date', 'address'] as const;
export type FieldType = (typeof fieldTypes)[number];

/** Seconds since 1970 have fewer digits than this, milliseconds more. */
const FIRST_MILLISECONDS = 1e11;

const readDate = (text: string): Date | undefined => {
  if (/^\d{9,14}(?:\.\d+)?$/.test(text)) {
    const value = Number(text);
    return new Date(value < FIRST_MILLISECONDS ? value * 1000 : value);
  }
  const seconds = readLineTime(text.startsWith('[') ? text : `[${text}]`)?.unixSeconds;
  const date = new Date(seconds === undefined ? text : seconds * 1000);
  return Number.isNaN(date.getTime()) ? undefined : date;
};

const readInteger = (text: string): number | bigint | undefined => {
  if (!/^-?\d{1,19}$/.test(text)) return undefined;
  const value = Number(text);
  return Math.abs(value) <= 0x7fff_ffff ? value : BigInt(text);
};

const READ: Readonly<Record<FieldType, (text: string) => unknown>> = {
  text: (text) => text,
  integer: readInteger,
  number: (text) => (text.trim() === '' || Number.isNaN(Number(text)) ? undefined : Number(text)),
  boolean: (text) => (/^(?:true|1)$/i.test(text) ? true : /^(?:false|0)$/i.test(text) ? false : undefined),
  date: readDate,
  address: (text) => {
    const value = addressAsInteger(text);
    return value === undefined ? undefined : readInteger(String(value));
  },
};

/** The value as `type`, or as it came. */
export const asType = (type: FieldType, value: unknown): unknown => {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return typeof value === 'object' || typeof text !== 'string' ? value : (READ[type](text) ?? value);
};
