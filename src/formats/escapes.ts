/** Escapes in quoted fields, as nginx (`\x22`) and Apache (`\"`, `\\`, `\n`, `\t`) write them. */

const NAMED: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', v: '\v' };
const BACKSLASH = 0x5c;

/** The text of a field. `\xHH` stands for a byte, so that a character of several bytes can be escaped byte by byte. */
export const unescapeField = (bytes: Buffer): string => {
  if (!bytes.includes(BACKSLASH)) return bytes.toString('utf8');
  const out: number[] = [];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte !== BACKSLASH || at + 1 >= bytes.length) {
      out.push(byte);
      continue;
    }
    const hex = bytes.toString('latin1', at + 2, at + 4);
    if (bytes[at + 1] === 0x78 && /^[0-9A-Fa-f]{2}$/.test(hex)) {
      out.push(parseInt(hex, 16));
      at += 3;
      continue;
    }
    const next = String.fromCharCode(bytes[at + 1]!);
    const named = NAMED[next];
    if (named !== undefined) out.push(named.charCodeAt(0));
    else if (next === '"' || next === '\\') out.push(next.charCodeAt(0));
    else out.push(byte, bytes[at + 1]!);
    at++;
  }
  return Buffer.from(out).toString('utf8');
};
