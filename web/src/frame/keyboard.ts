import { useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';
import { usePreference } from '../lib/preference.ts';
import { useDialogs } from './dialogs.tsx';
import { SCREENS } from './screens.ts';

/** How long after `g` its second key counts. */
const CHORD_MS = 1500;

export const SHORTCUTS = ['on', 'off'] as const;

/**
 * Keys of the whole page. A row is any element with `data-row`; its first link is what Enter opens, and what
 * `j` and `k` move the focus to, so that the focus shows where one is and a screen reader follows.
 */
export function useKeyboard(): void {
  const navigate = useNavigate();
  const dialogs = useDialogs();
  const isOn = usePreference('shortcuts', SHORTCUTS, 'on') === 'on';
  useEffect(() => {
    let chordAt = 0;
    const onKey = (event: KeyboardEvent) => {
      const isPalette = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k';
      if (isPalette) {
        event.preventDefault();
        dialogs.open({ kind: 'palette' });
        return;
      }
      if (!isOn || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (dialogs.isOpen || isTyping(event.target)) return;
      const isChord = Date.now() - chordAt < CHORD_MS;
      chordAt = 0;
      if (isChord) {
        const screen = SCREENS.find(({ key }) => key === event.key);
        if (screen === undefined) return;
        event.preventDefault();
        void navigate({ to: screen.to, search: ({ project }) => (project === undefined ? {} : { project }) });
        return;
      }
      switch (event.key) {
        case 'g':
          chordAt = Date.now();
          return;
        case 'j':
        case 'k':
          moveRow(event.key === 'j' ? 1 : -1);
          break;
        case 'x':
          currentRow()?.querySelector<HTMLInputElement>('input[type=checkbox]')?.click();
          break;
        case 'r':
        case 'c':
          if (!press(event.key === 'r' ? 'retry' : 'cancel')) return;
          break;
        case '/': {
          const filter = document.querySelector<HTMLInputElement>('[data-filter]');
          if (filter === null) dialogs.open({ kind: 'palette' });
          filter?.focus();
          break;
        }
        case '?':
          dialogs.open({ kind: 'shortcuts' });
          break;
        default:
          return;
      }
      event.preventDefault();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [navigate, dialogs, isOn]);
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest('[role="menu"]') !== null) return true;
  if (target instanceof HTMLInputElement) return target.type !== 'checkbox' && target.type !== 'radio';
  return (
    target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement
  );
}

function currentRow(): HTMLElement | null {
  return document.activeElement?.closest<HTMLElement>('[data-row]') ?? null;
}

function moveRow(step: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>('main [data-row]')].filter(
    (row) => row.offsetParent !== null,
  );
  const current = currentRow();
  const at = current === null ? (step === 1 ? -1 : rows.length) : rows.indexOf(current);
  const next = rows[at + step];
  next?.querySelector<HTMLElement>('a, button')?.focus();
  next?.scrollIntoView({ block: 'nearest' });
}

/** Opens the dialog of the row that has the focus, else of the page: by its own button or by its own data. */
function press(action: 'retry' | 'cancel'): boolean {
  const row = currentRow();
  const button =
    row?.querySelector<HTMLButtonElement>(`[data-action="${action}"]`) ??
    document.querySelector<HTMLButtonElement>(`main [data-page-action="${action}"]`);
  if (button === null || button.disabled) return false;
  button.click();
  return true;
}
