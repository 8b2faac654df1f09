import type { UseQueryResult } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { ChevronRight } from 'lucide-react';
import type { ReactNode } from 'react';
import { ApiError } from '../api/client.ts';
import { copy } from '../copy.ts';
import { Empty, Problem, Skeleton } from './states.tsx';

/** The head of a page about one thing: the way to it, its title, what it is, and what can be done with it. */
export function PageHead({
  crumbs,
  title,
  children,
  actions,
}: {
  /** After the board, which all such pages hang under. */
  crumbs: readonly ReactNode[];
  title: string;
  /** State and tags. */
  children: ReactNode;
  actions: ReactNode;
}) {
  return (
    <div className="mb-4 flex flex-wrap items-start gap-4">
      <div className="min-w-0 flex-1 basis-80">
        <Crumbs parts={crumbs} />
        <h1 className="two-lines" title={title}>
          {title}
        </h1>
        <div className="mt-1.5 flex flex-wrap items-center gap-2">{children}</div>
      </div>
      <div className="flex flex-wrap gap-2">{actions}</div>
    </div>
  );
}

/** Where a page stands; the last part is the page itself. */
function Crumbs({ parts }: { parts: readonly ReactNode[] }) {
  return (
    <nav aria-label={copy.state.crumbs} className="mb-1">
      <ol className="flex flex-wrap items-center gap-x-2 text-sm text-ink-3">
        <li>
          <Link to="/board">{copy.nav.board}</Link>
        </li>
        {parts.map((part, i) => (
          <li key={i} className="flex min-w-0 items-center gap-2">
            <ChevronRight size={14} aria-hidden="true" />
            {part}
          </li>
        ))}
      </ol>
    </nav>
  );
}

export function TaskCrumb({ name }: { name: string }) {
  return (
    <Link to="/tasks/$key" params={{ key: name }} className="mono">
      {name}
    </Link>
  );
}

/** Whether the server says that there is no such thing, or not in the state that the page is about. */
export function isGone(error: Error | null): boolean {
  return error instanceof ApiError && (error.status === 404 || error.status === 409);
}

/** What stands in place of a page about one thing until it is there: waiting, what failed, or that it is gone. */
export function InPlaceOf({
  query,
  what,
  name,
}: {
  query: Pick<UseQueryResult, 'error' | 'refetch'>;
  /** "Task". */
  what: string;
  name: string;
}) {
  if (isGone(query.error))
    return (
      <NotThere title={copy.state.notFound} name={name}>
        {copy.state.notFoundDetail(`${what.toLowerCase()} ${name}`)}
      </NotThere>
    );
  return (
    <>
      <Crumbs parts={[<span className="mono">{name}</span>]} />
      <h1 className="mb-4">{`${what} ${name}`}</h1>
      <section className="card">
        {query.error === null ? (
          <Skeleton rows={6} />
        ) : (
          <Problem what={what} error={query.error} onAgain={() => void query.refetch()} />
        )}
      </section>
    </>
  );
}

export function NotThere({ title, name, children }: { title: string; name: string; children: ReactNode }) {
  return (
    <>
      <Crumbs parts={[<span className="mono">{name}</span>]} />
      <h1 className="mb-4">{title}</h1>
      <section className="card">
        <Empty>{children}</Empty>
      </section>
    </>
  );
}
