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

/** An answer came: the way there and back works. */
export function heardFromServer(): void {
  set({ isReachable: true, heardAt: Date.now() });
}

/** The open stream lives. That alone does not prove that a new request would get through. */
export function streamBeats(): void {
  set({ heardAt: Date.now() });
}

export function lostServer(): void {
  set({ isReachable: false });
}

export function setLive(live: LiveState): void {
  set({ live });
}

/** How often what is shown is asked for anew: seldom while events tell of changes. */
export function pollMs(): number {
  return store.value.live === 'live' && store.value.isReachable ? 10_000 : 5_000;
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
