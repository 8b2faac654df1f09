import { useSyncExternalStore } from 'react';

export type LiveState = 'connecting' | 'live' | 'reconnecting';

/** What is known of the way to the server: shown in the top bar and in the offline banner. */
export interface Connection {
  readonly isReachable: boolean;
  /** When the server last answered anything. */
  readonly heardAt: number | null;
  readonly live: LiveState;
}

const listeners = new Set<() => void>();
const store: { value: Connection } = {
  value: { isReachable: true, heardAt: null, live: 'connecting' },
};

function set(change: Partial<Connection>): void {
  const next = { ...store.value, ...change };
  const isSame =
    next.isReachable === store.value.isReachable &&
    next.live === store.value.live &&
    Math.floor((next.heardAt ?? 0) / 1000) === Math.floor((store.value.heardAt ?? 0) / 1000);
  if (isSame) return;
  store.value = next;
  for (const listener of listeners) listener();
}

export function heardFromServer(): void {
  set({ isReachable: true, heardAt: Date.now() });
}

export function lostServer(): void {
  set({ isReachable: false });
}

export function setLive(live: LiveState): void {
  set({ live });
}

export function useConnection(): Connection {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => store.value,
  );
}
