import { X } from 'lucide-react';
import { useEffect, useSyncExternalStore } from 'react';
import { ApiError } from '../api/client.ts';
import { Button } from './button.tsx';

const SHOWN_MS = 6_000;

interface Notice {
  readonly text: string;
  readonly error?: Error;
}

const listeners = new Set<() => void>();
const state: { notice: Notice | null } = { notice: null };

/** A short notice of what an action came to. One that tells of an error stays until it is closed. */
export function toast(notice: Notice | null): void {
  state.notice = notice;
  for (const listener of listeners) listener();
}

export function Toast() {
  const notice = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state.notice,
  );
  useEffect(() => {
    if (notice === null || notice.error !== undefined) return;
    const timer = window.setTimeout(() => toast(null), SHOWN_MS);
    return () => window.clearTimeout(timer);
  }, [notice]);
  if (notice === null) return null;
  const { error } = notice;
  const problem = error instanceof ApiError ? error.problem : null;
  return (
    <div
      className={`note fade fixed right-4 bottom-4 z-40 max-w-[min(440px,calc(100vw-32px))] border border-line shadow-lg max-md:bottom-20 ${error === undefined ? 'tone-done' : 'tone-failed'}`}
      {...(error === undefined ? {} : { role: 'alert' })}
    >
      <div className="min-w-0 flex-1">
        <p className="font-medium">{notice.text}</p>
        {problem === null ? null : (
          <p>
            {problem.hint === undefined ? null : `${problem.hint} `}
            <code>{problem.code}</code>
          </p>
        )}
      </div>
      <Button look="quiet" isSmall isIcon aria-label="Close notice" onClick={() => toast(null)}>
        <X aria-hidden="true" />
      </Button>
    </div>
  );
}
