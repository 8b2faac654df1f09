import { Clock } from 'lucide-react';
import { copy } from '../copy.ts';
import { exact } from '../lib/format.ts';
import { setPreference, usePreference } from '../lib/preference.ts';
import { Button } from '../ui/button.tsx';
import { lineTime, TIMES, type Times } from './line-time.ts';
import type { Row } from './rows.ts';

/** How the times of lines are shown, and what shows them in the next way. */
export function useTimes(): readonly [times: Times, next: () => void] {
  const times = usePreference('log.times', TIMES, 'off');
  const next = TIMES[(TIMES.indexOf(times) + 1) % TIMES.length] ?? 'off';
  return [times, () => setPreference('log.times', next)];
}

export function TimesButton() {
  const [times, next] = useTimes();
  return (
    <Button
      look="quiet"
      isSmall
      isIcon
      aria-label={copy.log.times[times]}
      title={copy.log.times[times]}
      aria-pressed={times !== 'off'}
      onClick={next}
    >
      <Clock aria-hidden="true" />
    </Button>
  );
}

/** When a line came, before it; the further rows of the line only keep the room. */
export function LineTime({ row, times, startedAt }: { row: Row; times: Times; startedAt: string }) {
  if (times === 'off') return null;
  const at = row.isFirst ? row.at : null;
  if (at === null) return <span className="log-time">{row.isFirst ? '–' : ''}</span>;
  return (
    <time className="log-time" dateTime={at} title={exact(Date.parse(at))}>
      {lineTime(at, times, startedAt)}
    </time>
  );
}
