/** What a person chose for this browser: large cells, keys without a modifier. */
import { computed, type Signal, signal } from '@preact/signals';

const kept = (key: string, absent: boolean): Signal<boolean> => {
  const stored = localStorage.getItem(key);
  const value = signal(stored === null ? absent : stored === 'yes');
  value.subscribe((now) => localStorage.setItem(key, now ? 'yes' : 'no'));
  return value;
};

export const wantsLargeCells = kept('logd-large-cells', false);
/** `N`, `/`, `1`, `?` and their like: whoever steers a browser by voice switches them off. */
export const hasSingleKeys = kept('logd-single-keys', true);

const watched = (query: string): Signal<boolean> => {
  const media = matchMedia(query);
  const value = signal(media.matches);
  media.addEventListener('change', ({ matches }) => (value.value = matches));
  return value;
};

export const isSmall = watched('(max-width: 700px)');
const isTouch = watched('(pointer: coarse)');
/** Fingers always get large cells. */
export const hasLargeCells = computed(() => wantsLargeCells.value || isSmall.value || isTouch.value);

export const startPreferences = (): void =>
  void hasLargeCells.subscribe((isLarge) => {
    document.documentElement.classList.toggle('large-cells', isLarge);
  });

/** A single key that is meant for the page, not for a field. */
export const isSingleKey = (event: KeyboardEvent): boolean => {
  const { target } = event;
  const isTyped = target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
  return hasSingleKeys.peek() && !event.ctrlKey && !event.metaKey && !event.altKey && !isTyped;
};
