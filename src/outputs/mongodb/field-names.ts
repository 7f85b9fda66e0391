/**
 * The rule for field names and values that MongoDB, or a program that reads from it, cannot take.
 *
 *   name          becomes            why
 *   empty         _                  updates cannot address it
 *   $name         _name              the server takes it for an operator
 *   a.b           a_b                an update takes it for a path
 *   NUL           _                  BSON ends names with it
 *   __proto__     _proto_            JavaScript programs would change their objects
 *   _id, _bsontype                   with `_` appended: logd makes its own _id; drivers take _bsontype for a type of theirs
 *   taken already                    with `_` appended until it is free
 *
 * A value that is not UTF-8 has U+FFFD in place of each bad byte. Nesting beyond 90 levels is refused: the server allows 100.
 */
const HARMLESS = /^[A-Za-z0-9][\w-]*$/;
const DEEPEST = 90;

/** The name under which a field is stored. */
export const safeFieldName = (name: string): string => {
  if (HARMLESS.test(name)) return name;
  if (name === '') return '_';
  if (name === '__proto__') return '_proto_';
  if (name === '_id' || name === '_bsontype') return `${name}_`;
  return name.toWellFormed().replaceAll('.', '_').replaceAll('\0', '_').replace(/^\$/, '_');
};

/** Sets a field under its safe name, or the next free one. */
export const setField = (document: Record<string, unknown>, name: string, value: unknown): void => {
  let free = safeFieldName(name);
  while (Object.hasOwn(document, free)) free += '_';
  document[free] = value;
};

/** Thrown for a value that no rule makes storable. */
export class UnstorableValue extends Error {}

const INT64 = 2n ** 63n;

/** A value as it is stored: names below it made safe, whole numbers beyond 64 bits as text. Throws {@link UnstorableValue}. */
export const safeValue = (value: unknown, depth = 1): unknown => {
  if (typeof value === 'bigint') return value < INT64 && value >= -INT64 ? value : String(value);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (depth > DEEPEST) throw new UnstorableValue(`it is nested more than ${DEEPEST} levels deep`);
  if (Array.isArray(value)) return value.map((each) => safeValue(each, depth + 1));
  const copy: Record<string, unknown> = {};
  for (const [name, each] of Object.entries(value)) setField(copy, name, safeValue(each, depth + 1));
  return copy;
};

/** An upper bound of the BSON bytes of a value of a document. */
export const largestSize = (value: unknown): number => {
  if (typeof value === 'string') return 6 + 3 * value.length;
  if (typeof value !== 'object' || value === null || value instanceof Date) return 16;
  let bytes = 8;
  for (const [name, each] of Object.entries(value)) bytes += 8 + 3 * name.length + largestSize(each);
  return bytes;
};
