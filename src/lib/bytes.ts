const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** `1.2 GB`, `340 MB`, `12 kB`: for people. */
export function inBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const isShort = unit >= 3 && value < 100;
  return `${isShort ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}
