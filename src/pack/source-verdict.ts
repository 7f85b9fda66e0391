/** What became of the files of an hour after they were sent. `place`: of `changed`, where they first differ; one sentence. */
export interface SourceVerdict {
  readonly source: 'same' | 'changed' | 'gone';
  readonly place?: string | undefined;
}
