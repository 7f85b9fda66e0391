/** `?`: the keys, and whether those without a modifier are heard. */
import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { hasSingleKeys, isSingleKey } from './preferences.ts';

export const isHelpOpen = signal(false);

const KEYS: readonly (readonly [readonly string[], string])[] = [
  [['↑', '↓', '←', '→'], 'move in the matrix'],
  [['Home', 'End'], 'first and last column; with Ctrl of the whole matrix'],
  [['Page Up', 'Page Down'], 'ten rows'],
  [['Enter'], 'open an hour, show the hours of a day, or show a thin row in full'],
  [['Delete'], 'put a row that you pinned back among the thin ones'],
  [['Esc'], 'close the hour, the tooltip or this help'],
];
const SINGLE_KEYS: typeof KEYS = [
  [['N'], 'next problem'],
  [['Shift', 'N'], 'previous problem'],
  [['/'], 'filter'],
  [['1', '2', '3'], 'hours, days, months'],
  [['?'], 'this help'],
];

const Keys = ({ keys }: { readonly keys: typeof KEYS }): JSX.Element => (
  <dl class="keys">
    {keys.map(([names, what]) => (
      <div key={what}>
        <dt>
          {names.map((name) => (
            <kbd key={name}>{name}</kbd>
          ))}
        </dt>
        <dd>{what}</dd>
      </div>
    ))}
  </dl>
);

export const Help = (): JSX.Element => {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === '?' && isSingleKey(event)) isHelpOpen.value = true;
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  useEffect(() => {
    if (isHelpOpen.value) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isHelpOpen.value]);
  return (
    <dialog class="help" ref={dialog} aria-labelledby="help-title" onClose={() => (isHelpOpen.value = false)}>
      <h2 id="help-title">Keys</h2>
      <Keys keys={KEYS} />
      <h3>Without a modifier</h3>
      <Keys keys={SINGLE_KEYS} />
      <label class="choice">
        <input
          type="checkbox"
          checked={hasSingleKeys.value}
          onChange={(event) => (hasSingleKeys.value = event.currentTarget.checked)}
        />
        Listen to these keys
      </label>
      <button class="button" type="button" onClick={() => (isHelpOpen.value = false)}>
        Close
      </button>
    </dialog>
  );
};
