import { useSyncExternalStore } from 'react';

/** At most one sentence in this time: a reader of the screen is not to be talked over. */
const PACE_MS = 10_000;

const listeners = new Set<() => void>();
const state = { text: '', spokenAt: 0, waiting: '', timer: 0 };

/** Says one sentence in the page's one live region; of several at once the last. */
export function announce(sentence: string): void {
  const wait = state.spokenAt + PACE_MS - Date.now();
  state.waiting = sentence;
  if (wait <= 0) speak();
  else if (state.timer === 0) state.timer = window.setTimeout(speak, wait);
}

function speak(): void {
  window.clearTimeout(state.timer);
  state.timer = 0;
  state.text = state.waiting;
  state.spokenAt = Date.now();
  for (const listener of listeners) listener();
}

export function Announcer() {
  const text = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state.text,
  );
  return (
    <p className="sr-only" aria-live="polite" role="status">
      {text}
    </p>
  );
}
