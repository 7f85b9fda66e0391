/** What an event is declared as; see events.ts. */
type FieldKind = 'string' | 'number';

export interface EventSpec {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly text: string;
  readonly fields: Readonly<Record<string, FieldKind>>;
}

/** The fields of whatever concerns one segment. */
export const segment = { host: 'string', stream: 'string', hour: 'string' } as const;
