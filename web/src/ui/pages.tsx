import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { get, type Query } from '../api/client.ts';

const PAGE = 100;

interface Page {
  readonly next: number | null;
}

/** A list that the server gives out in pages. */
export function usePages<T extends Page>(
  name: string,
  path: string,
  filters: Query,
  options: { refetchInterval?: number } = {},
) {
  return useInfiniteQuery({
    queryKey: [name, filters],
    queryFn: ({ pageParam, signal }) => get<T>(path, { ...filters, limit: PAGE, after: pageParam }, signal),
    initialPageParam: null as number | null,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
    ...options,
  });
}

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
