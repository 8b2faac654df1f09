export const MINUTE_MS = 60_000;
const STEPS_MS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400].map(
  (seconds) => seconds * 1000,
);
const MOST = 5;
/** With seconds the words are longer. */
const MOST_SHORT = 3;
export const SHORT_MS = 5 * MINUTE_MS;
/** So near to an edge its words would be pushed too far from their place. */
const EDGE = 0.03;

/** Round instants of the person's own zone between two others, a step apart that is easy to read. */
export function ticksOf(first: number, last: number): number[] {
  const span = last - first;
  const most = span < SHORT_MS ? MOST_SHORT : MOST;
  const step = STEPS_MS.find((each) => span / each <= most) ?? span / most;
  const zone = new Date(first).getTimezoneOffset() * MINUTE_MS;
  const ticks: number[] = [];
  for (let at = Math.ceil((first - zone) / step) * step + zone; at <= last - EDGE * span; at += step)
    if (at >= first + EDGE * span) ticks.push(at);
  return ticks;
}
