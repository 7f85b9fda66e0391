/** Having missing packs sent again: asks once, then shows asked, sending, received. */
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { HourAnswer } from '../src/monitor/api/schemas.ts';
import { ask, reason } from './api.ts';
import { bytes, clockSeconds } from './format.ts';
import { refreshHours } from './live.ts';

const LOOK_MS = 1_000;
const STEPS = ['asked', 'sending', 'received'] as const;

export const pathOf = ({ stream, host, hour }: Pick<HourAnswer, 'stream' | 'host' | 'hour'>): string =>
  `/api/hours/${encodeURIComponent(stream)}/${encodeURIComponent(host)}/${hour}`;

const Steps = ({ repull }: { readonly repull: NonNullable<HourAnswer['repull']> }): JSX.Element => {
  const at = STEPS.indexOf(repull.step as (typeof STEPS)[number]);
  return (
    <div class="repull" role="status">
      {at < 0 ? (
        <p>
          <b>The repull of {clockSeconds(repull.requestedAt)} did not bring everything.</b> {repull.note}
        </p>
      ) : (
        <>
          <ol>
            {STEPS.map((step, n) => (
              <li key={step} class={n <= at ? 'reached' : ''} {...(n === at && { 'aria-current': 'step' })}>
                {step}
              </li>
            ))}
          </ol>
          <p class="muted small">
            {clockSeconds(repull.requestedAt)} asked. {repull.note}
          </p>
        </>
      )}
    </div>
  );
};

/** Buttons of the hour; `children` stand beside the first. */
export const Repull = ({
  hour,
  children,
}: {
  readonly hour: HourAnswer;
  readonly children: ComponentChildren;
}): JSX.Element => {
  const { offer, noOffer, mayRepull, repull, host } = hour;
  const [isAsking, setAsking] = useState(false);
  const [error, setError] = useState<string>();
  const sure = useRef<HTMLButtonElement>(null);
  const isUnderWay = repull?.step === 'asked' || repull?.step === 'sending';
  useEffect(() => {
    if (!isUnderWay) return undefined;
    const timer = setInterval(refreshHours, LOOK_MS);
    return () => clearInterval(timer);
  }, [isUnderWay]);
  useEffect(() => {
    if (isAsking) sure.current?.focus();
  }, [isAsking]);
  const send = (): void => {
    setAsking(false);
    setError(undefined);
    ask(`${pathOf(hour)}/repull`, { method: 'POST' }).then(refreshHours, (failure: unknown) =>
      setError(reason(failure)),
    );
  };
  const what = `Repull ${offer?.packs ?? ''}`;
  const isOffered = offer !== null && mayRepull && !isUnderWay;
  return (
    <>
      <div class="actions">
        {isOffered && !isAsking && (
          <button class="button primary" type="button" onClick={() => setAsking(true)}>
            {what}
          </button>
        )}
        {children}
        {offer !== null && !isUnderWay && (
          <span class="muted small">
            {offer.sentence} {offer.bytes !== null && `It sends ${bytes(offer.bytes)} again.`}{' '}
            {!mayRepull && 'Having it sent again needs the role operate.'}
          </span>
        )}
        {noOffer !== null && <span class="small">{noOffer}</span>}
      </div>
      {isOffered && isAsking && (
        <div
          class="sure"
          role="group"
          aria-label={what}
          onKeyDown={(event) => {
            if (event.key !== 'Escape') return;
            event.stopPropagation();
            setAsking(false);
          }}
        >
          <p>
            {what} from {host}? {offer.bytes !== null && `It sends ${bytes(offer.bytes)}.`}
          </p>
          <button class="button primary" type="button" ref={sure} onClick={send}>
            Repull
          </button>
          <button class="button" type="button" onClick={() => setAsking(false)}>
            Cancel
          </button>
        </div>
      )}
      {error !== undefined && (
        <p class="notice" role="alert">
          {error}
        </p>
      )}
      {repull !== null && <Steps repull={repull} />}
    </>
  );
};
