import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Download } from 'lucide-react';
import type { AuditEntryWire } from '../../../../src/http/contract.ts';
import { address, get } from '../../api/client.ts';
import { copy } from '../../copy.ts';
import { buttonClass } from '../../ui/button.tsx';
import { Empty, Problem, Skeleton } from '../../ui/states.tsx';
import { At } from '../../ui/time.tsx';

const SURFACES = ['cli', 'web', 'api', 'telegram', 'orch'] as const;
const PAGE = 100;

/** Who did what, when and from where, with what it was before and after. */
export function AuditLog() {
  const search = useSearch({ from: '/framed/settings' });
  const navigate = useNavigate({ from: '/settings' });
  const filters = { by: search.by, action: search.action, surface: search.surface, target: search.q };
  const query = useInfiniteQuery({
    queryKey: ['audit', filters],
    queryFn: ({ pageParam, signal }) =>
      get<{ entries: AuditEntryWire[]; next: number | null }>(
        '/audit',
        { ...filters, limit: PAGE, after: pageParam },
        signal,
      ),
    initialPageParam: null as number | null,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
  });
  const entries = query.data?.pages.flatMap((page) => page.entries) ?? [];
  const set = (name: 'by' | 'action' | 'surface' | 'q', value: string) =>
    void navigate({ search: (old) => ({ ...old, [name]: value === '' ? undefined : value }), replace: true });
  return (
    <>
      <div className="grid grid-cols-2 items-center gap-2 border-b border-line px-4 py-2.5 md:flex md:flex-wrap">
        {(
          [
            ['q', copy.settings.target],
            ['by', copy.settings.who],
            ['action', copy.settings.action],
          ] as const
        ).map(([name, label]) => (
          <input
            key={name}
            {...(name === 'q' ? { 'data-filter': true } : {})}
            type="search"
            className="input input-sm w-full min-w-0 md:w-44"
            aria-label={label}
            placeholder={label}
            value={search[name] ?? ''}
            onChange={(event) => set(name, event.target.value)}
          />
        ))}
        <select
          className="input input-sm w-full md:w-auto"
          aria-label={copy.settings.surface}
          value={search.surface ?? ''}
          onChange={(event) => set('surface', event.target.value)}
        >
          <option value="">
            {copy.settings.surface}: {copy.settings.any}
          </option>
          {SURFACES.map((surface) => (
            <option key={surface} value={surface}>
              {surface}
            </option>
          ))}
        </select>
        <span className="flex-1 max-md:hidden" />
        <a
          className={buttonClass('plain', true)}
          href={address('/audit', { ...filters, format: 'csv' })}
          download
        >
          <Download aria-hidden="true" />
          {copy.settings.csv}
        </a>
      </div>
      {query.data === undefined ? (
        query.error === null ? (
          <Skeleton rows={8} />
        ) : (
          <Problem
            what={copy.settings.parts.audit}
            error={query.error}
            onAgain={() => void query.refetch()}
          />
        )
      ) : entries.length === 0 ? (
        <Empty>{copy.settings.noAudit}</Empty>
      ) : (
        <>
          <table className="table table-rows">
            <thead>
              <tr>
                <th scope="col">{copy.settings.when}</th>
                <th scope="col">{copy.settings.who}</th>
                <th scope="col">{copy.settings.action}</th>
                <th scope="col">{copy.settings.target}</th>
                <th scope="col">{copy.settings.surface}</th>
                <th scope="col">{copy.settings.change}</th>
              </tr>
            </thead>
            <tbody>
              {entries.map((entry) => (
                <tr key={entry.id} data-row>
                  <td className="text-sm whitespace-nowrap text-ink-2">
                    <At at={entry.at} />
                  </td>
                  <td className="text-sm font-medium wrap-anywhere">{entry.by}</td>
                  <td className="text-sm">
                    <code className="text-[12.5px]">{entry.action}</code>
                  </td>
                  <td className="mono text-sm !whitespace-normal wrap-anywhere">{entry.target}</td>
                  <td className="text-sm text-ink-2">{entry.surface}</td>
                  <td className="full text-xs wrap-anywhere text-ink-3">
                    <Facts before={entry.before} after={entry.after} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          {query.hasNextPage ? (
            <p className="border-t border-line px-4 py-3 text-sm">
              <button type="button" className="link" onClick={() => void query.fetchNextPage()}>
                {copy.settings.more}
              </button>
            </p>
          ) : null}
        </>
      )}
    </>
  );
}

/** Only what changed. */
function Facts({ before, after }: Pick<AuditEntryWire, 'before' | 'after'>) {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const changed = names.filter((name) => before?.[name] !== after?.[name]);
  return changed
    .map((name) => {
      const [from, to] = [before?.[name], after?.[name]];
      if (from === undefined) return `${name}: ${to}`;
      return `${name}: ${from} → ${to ?? '–'}`;
    })
    .join(', ');
}
