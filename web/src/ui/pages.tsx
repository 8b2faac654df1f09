import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import type { Answer, PathOf, Query } from '../../../src/http/contract.ts';
import { read } from '../api/client.ts';

const PAGE = 100;

/** A list that the server gives out in pages. */
export function usePages<P extends PathOf<'GET', Paged>>(
  name: string,
  path: P,
  filters: Query<`GET ${P}`>,
  options: { refetchInterval?: number } = {},
) {
  return useInfiniteQuery({
    queryKey: [name, filters],
    queryFn: ({ pageParam, signal }) =>
      read<Answer<`GET ${P}`>>(path, { query: { ...filters, limit: PAGE, after: pageParam }, signal }),
    initialPageParam: null as number | null,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
    ...options,
  });
}

type Paged = 'GET /jobs' | 'GET /runs' | 'GET /tasks' | 'GET /audit';

/** The way to the next page, under those that are shown. */
export function More({
  query,
  label,
}: {
  query: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown };
  label: string;
}) {
  return query.hasNextPage ? (
    <p className="border-t border-line px-4 py-3 text-sm">
      <button
        type="button"
        className="link"
        disabled={query.isFetchingNextPage}
        onClick={() => void query.fetchNextPage()}
      >
        {label}
      </button>
    </p>
  ) : null;
}
