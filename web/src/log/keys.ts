import { useEffect, useRef } from 'react';
import { SHORTCUTS } from '../frame/keyboard.ts';
import { usePreference } from '../lib/preference.ts';

interface Keys {
  readonly follow: () => void;
  readonly find: () => void;
  readonly next: () => void;
  readonly before: () => void;
  readonly wrap: () => void;
  readonly times: () => void;
}

const NAMES: Readonly<Record<string, keyof Keys>> = {
  f: 'follow',
  n: 'next',
  N: 'before',
  w: 'wrap',
  t: 'times',
};

/** The log's own keys, while it is shown. `/` is the page's: it goes to the find field. */
export function useLogKeys(keys: Keys): void {
  const latest = useRef(keys);
  latest.current = keys;
  const isOn = usePreference('shortcuts', SHORTCUTS, 'on') === 'on';
  useEffect(() => {
    if (!isOn) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const isTyping =
        event.target instanceof HTMLElement &&
        event.target.closest('input, textarea, select, [role="dialog"], [role="menu"]') !== null;
      const name = NAMES[event.key];
      if (isTyping || name === undefined) return;
      event.preventDefault();
      latest.current[name]();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [isOn]);
}
