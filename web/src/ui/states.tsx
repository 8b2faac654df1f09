import type { UseQueryResult } from '@tanstack/react-query';
import { CircleCheck, TriangleAlert } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { ApiError } from '../api/client.ts';
import { copy } from '../copy.ts';
import { Button } from './button.tsx';

/**
 * What a part of a page shows of one query: nothing for 300 ms, then a skeleton; the data, dimmed while data
 * for other filters is on its way; or what failed, with its code. Old data outlives a failed refetch.
 */
export function Loaded<T>({
  query,
  what,
  rows = 3,
  children,
}: {
  query: Pick<UseQueryResult<T>, 'data' | 'error' | 'isPlaceholderData' | 'refetch'>;
  /** Names the part: "Tasks". */
  what: string;
  rows?: number;
  children: (data: T) => ReactNode;
}) {
  if (query.data !== undefined)
    return query.isPlaceholderData ? (
      <div className="opacity-60" aria-busy="true">
        {children(query.data)}
      </div>
    ) : (
      children(query.data)
    );
  if (query.error !== null)
    return <Problem what={what} error={query.error} onAgain={() => void query.refetch()} />;
  return <Skeleton rows={rows} />;
}

export function Skeleton({ rows }: { rows: number }) {
  const isShown = useAfter(300);
  return (
    <div className="card-body grid gap-3" aria-busy="true">
      <span className="sr-only">{copy.state.loading}</span>
      {isShown
        ? Array.from({ length: rows }, (_, i) => (
            <span key={i} className="skeleton" style={{ width: `${90 - ((i * 17) % 50)}%` }} />
          ))
        : null}
    </div>
  );
}

function useAfter(ms: number): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setOver(true), ms);
    return () => window.clearTimeout(timer);
  }, [ms]);
  return isOver;
}

/** A failure with its title and hint; the rest on demand. */
export function Problem({ what, error, onAgain }: { what?: string; error: Error; onAgain?: () => void }) {
  const problem = error instanceof ApiError ? error.problem : { code: 'page.error', title: error.message };
  const detail = 'detail' in problem ? problem.detail : undefined;
  const hint = 'hint' in problem ? problem.hint : undefined;
  return (
    <div className="card-body">
      <div className="note tone-failed" role="alert">
        <TriangleAlert aria-hidden="true" />
        <div className="grid min-w-0 gap-1">
          <p className="font-medium">{what === undefined ? problem.title : copy.state.failed(what)}</p>
          <p>
            {what === undefined ? null : `${problem.title}. `}
            <code>{problem.code}</code>
          </p>
          {hint === undefined ? null : <p>{hint}</p>}
          {detail === undefined ? null : (
            <details>
              <summary>{copy.state.details}</summary>
              <p className="whitespace-pre-wrap">{detail}</p>
            </details>
          )}
          {onAgain === undefined ? null : (
            <p className="mt-1">
              <Button isSmall onClick={onAgain}>
                {copy.state.again}
              </Button>
            </p>
          )}
        </div>
      </div>
    </div>
  );
}

export function Empty({ children, isGood = false }: { children: ReactNode; isGood?: boolean }) {
  return (
    <div className="card-body flex items-start gap-2 text-sm text-ink-2">
      {isGood ? <CircleCheck size={16} aria-hidden="true" className="mt-px shrink-0 text-done" /> : null}
      <div className="min-w-0">{children}</div>
    </div>
  );
}
