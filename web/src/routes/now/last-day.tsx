import type { UseQueryResult } from '@tanstack/react-query';
import type { LastDayWire, NowData } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { count, hourAndMinute, money } from '../../lib/format.ts';
import { Card } from '../../ui/card.tsx';
import { Loaded } from '../../ui/states.tsx';

const WIDTH = 288;
const HEIGHT = 50;
const STEP = WIDTH / 24;

export function LastDay({ query }: { query: UseQueryResult<NowData> }) {
  return (
    <Card title={copy.now.last24} className="max-md:order-4">
      <Loaded query={query} what={copy.now.last24}>
        {({ lastDay }) => (lastDay === null ? null : <Day day={lastDay} />)}
      </Loaded>
    </Card>
  );
}

function Day({ day }: { day: LastDayWire }) {
  const spent = `${money(day.costUsd)}${day.unknownCosts > 0 ? ' +' : ''}`;
  return (
    <div className="card-body">
      <dl className="mb-3 grid grid-cols-3">
        <Figure name={copy.now.tasksDone}>{count(day.tasksDone)}</Figure>
        <Figure name={copy.now.tasksFailed}>{count(day.tasksFailed)}</Figure>
        <Figure name={copy.now.spent}>
          <span title={day.unknownCosts > 0 ? copy.now.unknownCosts(day.unknownCosts) : undefined}>
            {spent}
          </span>
        </Figure>
      </dl>
      <Bars hours={day.hours} />
      <p className="num flex justify-between text-xs text-ink-3">
        <span>
          {day.hours[0] === undefined ? '' : `${hourAndMinute(Date.parse(day.hours[0].from))} yesterday`}
        </span>
        <span>{copy.now.runsPerHour}</span>
        <span>now</span>
      </p>
    </div>
  );
}

function Figure({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt className="text-xs text-ink-3">{name}</dt>
      <dd className="num text-xl font-semibold tracking-tight">{children}</dd>
    </div>
  );
}

function Bars({ hours }: { hours: LastDayWire['hours'] }) {
  const most = Math.max(1, ...hours.map(({ ended, failed }) => ended + failed));
  const height = (n: number) => (n / most) * (HEIGHT - 4);
  const sum = (of: 'ended' | 'failed') => hours.reduce((total, hour) => total + hour[of], 0);
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${HEIGHT + 6}`}
      className="block h-auto w-full"
      role="img"
      aria-label={copy.now.chart(count(sum('ended')), count(sum('failed')))}
    >
      {hours.map(({ from, ended, failed }, i) => {
        const good = height(ended);
        const bad = height(failed);
        return (
          <g key={from}>
            {ended > 0 ? (
              <rect
                x={i * STEP}
                y={HEIGHT - good}
                width={STEP - 3}
                height={good}
                rx="1.5"
                fill="var(--done)"
                opacity="0.85"
              />
            ) : null}
            {failed > 0 ? (
              <rect
                x={i * STEP}
                y={HEIGHT - good - bad - (ended > 0 ? 1.5 : 0)}
                width={STEP - 3}
                height={bad}
                rx="1.5"
                fill="var(--failed)"
              />
            ) : null}
          </g>
        );
      })}
      <path d={`M0 ${HEIGHT + 2.5}h${WIDTH}`} stroke="var(--line-strong)" strokeWidth="1" />
    </svg>
  );
}
