import { useMemo } from 'react';
import { setPreference, usePreferenceText } from './preference.ts';

const HOUR_MS = 3_600_000;

type Snoozed = Readonly<Record<string, number>>;

/** What this person put off, on this machine; it counts and holds as before. */
export function useSnoozed(): Snoozed {
  const text = usePreferenceText('snoozed');
  return useMemo(() => read(text), [text]);
}

export function isSnoozed(snoozed: Snoozed, key: string, now: number): boolean {
  return (snoozed[key] ?? 0) > now;
}

export function snooze(key: string): void {
  const now = Date.now();
  const kept = Object.entries(read(localStorageText())).filter(([, until]) => until > now);
  setPreference('snoozed', JSON.stringify({ ...Object.fromEntries(kept), [key]: now + HOUR_MS }));
}

function localStorageText(): string | null {
  try {
    return localStorage.getItem('orch.snoozed');
  } catch {
    return null;
  }
}

function read(text: string | null): Snoozed {
  try {
    const value: unknown = JSON.parse(text ?? '{}');
    return typeof value === 'object' && value !== null ? (value as Snoozed) : {};
  } catch {
    return {};
  }
}
