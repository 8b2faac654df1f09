/** Fewer than this are no habit. */
const FEWEST = 3;
const MOST = 20;

/** The median of the newest durations (newest first); null when there are too few to say "usually". */
export function usualMs(durations: readonly number[]): number | null {
  if (durations.length < FEWEST) return null;
  const sorted = durations.slice(0, MOST).toSorted((a, b) => a - b);
  const [low = 0, high = 0] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return Math.round((low + high) / 2);
}
