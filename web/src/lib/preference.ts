import { useSyncExternalStore } from 'react';

const listeners = new Set<() => void>();
const memory = new Map<string, string>();

/** A choice of this person on this machine; kept in memory alone where storage is off. */
function read(name: string): string | null {
  try {
    return localStorage.getItem(`orch.${name}`) ?? memory.get(name) ?? null;
  } catch {
    return memory.get(name) ?? null;
  }
}

export function setPreference(name: string, value: string): void {
  memory.set(name, value);
  try {
    localStorage.setItem(`orch.${name}`, value);
  } catch {
    // Storage is off or full: it holds until the page is left.
  }
  for (const listener of listeners) listener();
}

export function usePreference<T extends string>(name: string, known: readonly T[], otherwise: T): T {
  const value = usePreferenceText(name);
  return known.find((each) => each === value) ?? otherwise;
}

function usePreferenceText(name: string): string | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => read(name),
  );
}
