/** Asking the server. Answers are kept while the same is asked for again, so that nothing blinks. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { heard, isSignedOut, type Topic, versions } from './live.ts';

export interface Loaded<T> {
  /** The last answer, also while a newer one is on its way. */
  readonly data: T | undefined;
  /** Why the last attempt failed: one sentence. */
  readonly error: string | undefined;
}

const RETRY_MS = 8_000;

export const ask = async <T>(path: string, init: RequestInit = {}): Promise<T> => {
  const response = await fetch(path, {
    ...init,
    headers: {
      'x-logd-request': '1',
      ...(init.body !== undefined && init.body !== null && { 'content-type': 'application/json' }),
    },
  });
  const answer = (await response.json()) as T & { readonly error?: string };
  if (response.status === 401) isSignedOut.value = true;
  if (!response.ok) throw new Error(answer.error ?? `The server answers ${response.status}.`);
  heard();
  return answer;
};

/** Why a request failed, in a sentence. */
export const reason = (error: unknown): string =>
  error instanceof TypeError
    ? 'The monitor does not answer.'
    : error instanceof Error
      ? error.message
      : String(error);

/** Loads a path, and again whenever one of the topics changes. `undefined` loads nothing. */
export const useQuery = <T>(path: string | undefined, topics: readonly Topic[]): Loaded<T> => {
  const [state, setState] = useState<Loaded<T> & { readonly path: string | undefined }>({
    path: undefined,
    data: undefined,
    error: undefined,
  });
  const version = topics.map((topic) => versions.value[topic]).join();
  const latest = useRef(0);
  useEffect(() => {
    if (path === undefined) return undefined;
    const ticket = ++latest.current;
    let retry: ReturnType<typeof setTimeout> | undefined;
    const load = (): void => {
      ask<T>(path).then(
        (data) => {
          if (latest.current === ticket) setState({ path, data, error: undefined });
        },
        (error: unknown) => {
          if (latest.current !== ticket) return;
          setState((before) => ({ ...before, path, error: reason(error) }));
          retry = setTimeout(load, RETRY_MS);
        },
      );
    };
    load();
    return () => clearTimeout(retry);
  }, [path, version]);
  return state;
};
