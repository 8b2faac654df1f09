import { useSyncExternalStore } from 'react';

/** One timer for every shown age: the seconds of all of them change together. */
const listeners = new Set<() => void>();
const clock = { now: Math.floor(Date.now() / 1000) * 1000, timer: 0 };

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (listeners.size === 1) clock.timer = window.setInterval(beat, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) window.clearInterval(clock.timer);
  };
}

function beat(): void {
  clock.now = Math.floor(Date.now() / 1000) * 1000;
  for (const listener of listeners) listener();
}

/** The time, to the second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => clock.now);
}
