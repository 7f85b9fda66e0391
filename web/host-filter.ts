/**
 * What stands in a filter field.
 *
 *   filter = { term }                 all kinds of terms must hold
 *   term   = "state:" STATE           of several states one is enough; a part of its name will do; "not-expected" has a hyphen
 *          | "role:" ROLE             likewise
 *          | TEXT                     a part of the name; with "*" the whole name
 */
export interface Filter {
  readonly states: readonly string[];
  readonly roles: readonly string[];
  isNamed(name: string): boolean;
}

const termsOf = (filter: string): string[] => filter.split(/\s+/).filter((term) => term !== '');

const nameTest = (text: string): ((name: string) => boolean) => {
  const parts = text.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const pattern = new RegExp(parts.length === 1 ? (parts[0] ?? '') : `^${parts.join('.*')}$`, 'i');
  return (name) => pattern.test(name);
};

export const parseFilter = (filter: string): Filter => {
  const terms = termsOf(filter.toLowerCase());
  const after = (prefix: string): string[] =>
    terms.flatMap((term) => (term.startsWith(prefix) && term !== prefix ? [term.slice(prefix.length)] : []));
  const tests = terms.filter((term) => !/^(state|role):/.test(term)).map(nameTest);
  return {
    states: after('state:'),
    roles: after('role:'),
    isNamed: (name) => tests.length === 0 || tests.some((test) => test(name)),
  };
};

/** A state as a term: `state:not-expected`. */
export const stateTerm = (name: string): string => `state:${name.replaceAll(' ', '-')}`;

export const hasTerm = (filter: string, term: string): boolean => termsOf(filter).includes(term);

/** The filter with a term more, or without it where it had it. */
export const toggleTerm = (filter: string, term: string): string =>
  (hasTerm(filter, term) ? termsOf(filter).filter((each) => each !== term) : [...termsOf(filter), term]).join(
    ' ',
  );
