/** Signing in. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { ask } from '../api.ts';

export const SignIn = ({ done }: { readonly done: () => void }): JSX.Element => {
  const [error, setError] = useState<string>();
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const body = JSON.stringify({ name: form.get('name'), password: form.get('password') });
    const signIn = async (): Promise<void> => {
      try {
        await ask('/api/session', { method: 'POST', body });
        done();
      } catch (failure) {
        setError(failure instanceof Error ? failure.message : String(failure));
      }
    };
    void signIn();
  };
  return (
    <main>
      <form class="sign-in" onSubmit={submit}>
        <h1 class="strong">Sign in to logd</h1>
        <label>
          Name
          <input class="field" name="name" autocomplete="username" required />
        </label>
        <label>
          Password
          <input class="field" name="password" type="password" autocomplete="current-password" required />
        </label>
        {error !== undefined && (
          <p class="notice" role="alert">
            {error}
          </p>
        )}
        <button class="button primary" type="submit">
          Sign in
        </button>
        <p class="muted small">
          Users are added with <code>logd users add</code>.
        </p>
      </form>
    </main>
  );
};
