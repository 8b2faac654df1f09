import { useSearch } from '@tanstack/react-router';

/** The project that every page is narrowed to; in the address, so that a copied link shows the same. */
export function useProject(): string | undefined {
  return useSearch({ strict: false }).project;
}
