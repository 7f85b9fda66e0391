/** Text to take along: a hash, a command, a link. The button says so for two seconds. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';

const SAID_MS = 2_000;

/** By the clipboard; where the page is not reached by https, by a selection. */
const copyText = async (text: string): Promise<void> => {
  if (isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
};

export const CopyButton = ({
  text,
  label = 'Copy',
  primary,
}: {
  readonly text: string;
  readonly label?: string;
  readonly primary?: true;
}): JSX.Element => {
  const [said, setSaid] = useState<string>();
  useEffect(() => {
    if (said === undefined) return undefined;
    const timer = setTimeout(() => setSaid(undefined), SAID_MS);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = (): void =>
    void copyText(text).then(
      () => setSaid('Copied'),
      () => setSaid('Not copied'),
    );
  return (
    <button class={primary === true ? 'button primary' : 'button'} type="button" onClick={copy}>
      {said ?? label}
    </button>
  );
};

export const CopyLine = ({ text }: { readonly text: string }): JSX.Element => (
  <div class="copy">
    <code>{text}</code>
    <CopyButton text={text} />
  </div>
);
