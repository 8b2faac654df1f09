import type { OneRunWire } from '../../../../src/http/contract.ts';
import { copy } from '../../copy.ts';
import { count, hourAndMinute, plural } from '../../lib/format.ts';
import { ChartTable } from '../../ui/table.tsx';

const HEIGHT = 40;
const STEP = 20;
const BAR = 16;
const SHOWN = 13;

type Minutes = NonNullable<OneRunWire['turns']>['minutes'];

/** A bar a minute, the last one up to now; a run that is younger has fewer. */
export function Pace({ minutes }: { minutes: Minutes }) {
  const most = Math.max(...minutes.map(({ newInputTokens }) => newInputTokens));
  if (!(most > 0)) return null;
  const first = SHOWN - minutes.length;
  return (
    <div>
      <svg
        viewBox={`0 0 ${SHOWN * STEP} ${HEIGHT}`}
        className="block w-full"
        role="img"
        aria-label={copy.run.paceOf(
          count(minutes.at(-1)?.newInputTokens ?? 0),
          count(most),
          plural(minutes.length, 'minute'),
        )}
      >
        <path d={`M0 ${HEIGHT - 0.5}H${SHOWN * STEP}`} stroke="var(--line)" />
        {minutes.map(({ at, newInputTokens }, i) => {
          const height = (newInputTokens / most) * (HEIGHT - 4);
          return (
            <rect
              key={at}
              x={(first + i) * STEP}
              y={HEIGHT - 1 - height}
              width={BAR}
              height={height}
              rx="2"
              fill={i === minutes.length - 1 ? 'var(--running)' : 'var(--series-1)'}
            >
              <title>{copy.run.inMinute(hourAndMinute(Date.parse(at)), count(newInputTokens))}</title>
            </rect>
          );
        })}
      </svg>
      <ChartTable
        caption={copy.run.paceTable}
        heads={[copy.run.minute, copy.run.newInput]}
        rows={minutes.map(({ at, newInputTokens }) => [hourAndMinute(Date.parse(at)), count(newInputTokens)])}
      />
      <p className="mt-1 text-xs text-ink-3">{copy.run.pace}</p>
    </div>
  );
}
