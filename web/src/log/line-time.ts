export const TIMES = ['off', 'clock', 'start'] as const;
export type Times = (typeof TIMES)[number];

const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});

/** A clock time, or the time since the run was started: "+0:07", "+1:02:07". */
export function lineTime(at: string, times: Times, startedAt: string): string {
  if (times === 'clock') return CLOCK.format(Date.parse(at));
  const seconds = Math.max(0, Math.round((Date.parse(at) - Date.parse(startedAt)) / 1000));
  const pad = (n: number) => String(n).padStart(2, '0');
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h === 0 ? `+${m}:${pad(s)}` : `+${h}:${pad(m)}:${pad(s)}`;
}
