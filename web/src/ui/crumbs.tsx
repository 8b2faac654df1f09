import { ChevronRight } from 'lucide-react';
import { Children, type ReactNode } from 'react';
import { copy } from '../copy.ts';

/** Where a page stands; the last part is the page itself. */
export function Crumbs({ children }: { children: ReactNode }) {
  return (
    <nav aria-label={copy.state.crumbs} className="mb-1">
      <ol className="flex flex-wrap items-center gap-x-2 text-sm text-ink-3">
        {Children.toArray(children).map((part, i) => (
          <li key={i} className="flex min-w-0 items-center gap-2">
            {i === 0 ? null : <ChevronRight size={14} aria-hidden="true" />}
            {part}
          </li>
        ))}
      </ol>
    </nav>
  );
}
