const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const SHAPE = /^(\d+(?:\.\d+)?)\s*([smhd]?)$/;

/** Milliseconds of `90` (seconds), `90s`, `15m`, `2h` or `1d`; null when it is none of these. */
export function parseDuration(text: string): number | null {
  const match = SHAPE.exec(text.trim());
  if (match === null) return null;
  const unit = (match[2] === '' ? 's' : match[2]) as keyof typeof UNIT_MS;
  const ms = Math.round(Number(match[1]) * UNIT_MS[unit]);
  return Number.isSafeInteger(ms) ? ms : null;
}

/** The shortest text that `parseDuration` reads back as exactly `ms`: `2h`, `90s`, `1.5s`. */
export function formatDuration(ms: number): string {
  for (const unit of ['d', 'h', 'm'] as const) {
    if (ms !== 0 && ms % UNIT_MS[unit] === 0) return `${ms / UNIT_MS[unit]}${unit}`;
  }
  return `${ms / UNIT_MS.s}s`;
}
