/** INI files as the Go system has them: `[section]`, `key = value` or `key: value`, comments with # or ;. */

export type Ini = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Reads the text; what is before the first section belongs to the section `DEFAULT`. A later value of a key replaces the one before. */
export const parseIni = (text: string): Ini => {
  const sections = new Map<string, Map<string, string>>();
  let current = new Map<string, string>();
  sections.set('DEFAULT', current);
  for (const line of text.replace(/^\uFEFF/, '').split(/\r?\n/)) {
    const [, section] = /^\s*\[([^\]]+)\]\s*$/.exec(line) ?? [];
    if (section !== undefined) {
      current = sections.get(section.trim()) ?? new Map<string, string>();
      sections.set(section.trim(), current);
      continue;
    }
    const [, key, value] = /^\s*([^#;=:\s][^=:]*?)\s*[=:]\s*(.*?)\s*(?:\s[#;].*)?$/.exec(line) ?? [];
    if (key !== undefined) current.set(key, value ?? '');
  }
  return sections;
};
