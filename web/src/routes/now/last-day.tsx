import type { UseQueryResult } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { NowWire } from '../../../../src/http/contract.ts';
import { copy } from '../../copy.ts';
import { count, hourAndMinute, money, plural } from '../../lib/format.ts';
import { Card } from '../../ui/card.tsx';
import { Loaded } from '../../ui/states.tsx';
import { ChartTable } from '../../ui/table.tsx';
import { Ago } from '../../ui/time.tsx';
import { Chip } from '../../ui/tone.tsx';

const SHOWN_TASKS = 3;
const TONES: Readonly<Record<string, string>> = {
  success: 'tone-done',
  transient: 'tone-waiting',
  usage_limit: 'tone-waiting',
  auth: 'tone-attention',
  cancelled: 'tone-queued',
};

/** What the last day came to: tasks, money, and the runs by what each came to. */
export function LastDay({ query }: { query: UseQueryResult<NowWire> }) {
  return (
    <Card title={copy.now.last24} className="max-md:order-4">
      <Loaded query={query} what={copy.now.last24}>
        {({ lastDay }) => <Day day={lastDay} />}
      </Loaded>
    </Card>
  );
}

function Day({ day }: { day: NowWire['lastDay'] }) {
  const unknown = sum(day.runs, 'unknownCosts');
  const failed = sum(
    day.runs.filter(({ verdict }) => TONES[verdict] === undefined),
    'runs',
  );
  return (
    <div className="card-body grid grid-cols-[minmax(0,1fr)] gap-3">
      <dl className="grid grid-cols-3">
        <Figure name={copy.now.tasksDone}>{count(day.tasksDone)}</Figure>
        <Figure name={copy.now.runsFailed}>{count(failed)}</Figure>
        <Figure name={copy.now.spent}>
          {money(sum(day.runs, 'costUsd'))}
          {unknown === 0 ? null : (
            <span className="block text-xs font-normal tracking-normal text-ink-3">
              {copy.now.unknownRuns(plural(unknown, 'run'))}
            </span>
          )}
        </Figure>
      </dl>
      {day.runs.length === 0 ? null : <Hours hours={day.hours} />}
      <Verdicts runs={day.runs} />
      {day.tasks.length === 0 ? null : (
        <ul className="grid grid-cols-[minmax(0,1fr)] gap-1.5 text-sm">
          {day.tasks.slice(0, SHOWN_TASKS).map((task) => (
            <li key={task.id} className="flex items-center gap-2">
              <Chip state={task.status === 'done' ? 'done' : 'cancelled'} />
              <Link to="/tasks/$key" params={{ key: task.key }} className="mono">
                {task.key}
              </Link>
              <span className="ell min-w-0 flex-1">{task.title}</span>
              <span className="text-xs whitespace-nowrap text-ink-3">
                <Ago at={task.updatedAt} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Figure({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt className="text-xs text-ink-3">{name}</dt>
      <dd className="num text-xl font-semibold tracking-tight">{children}</dd>
    </div>
  );
}

const HEIGHT = 48;
/** From below: what went well, what waited or was stopped, what failed. */
const PILE = ['done', 'waiting', 'failed'] as const;

/** Runs by the hour in which they ended; the same in words under it. */
function Hours({ hours }: { hours: NowWire['lastDay']['hours'] }) {
  const bars = hours.map(({ from, runs }) => {
    const of = (pile: (typeof PILE)[number]) =>
      runs.reduce((total, each) => total + (pileOf(each.verdict) === pile ? each.runs : 0), 0);
    return { from, parts: PILE.map((pile) => ({ pile, runs: of(pile) })) };
  });
  const totals = bars.map(({ parts }) => parts.reduce((total, { runs }) => total + runs, 0));
  const most = Math.max(1, ...totals);
  const busiest = bars[totals.indexOf(most)];
  const label = copy.now.perHourLabel(
    count(most),
    busiest === undefined ? '' : hourAndMinute(Date.parse(busiest.from)),
  );
  return (
    <div>
      <div
        role="img"
        aria-label={label}
        title={label}
        className="flex items-end gap-0.5 border-b border-line"
        style={{ height: HEIGHT }}
      >
        {bars.map(({ from, parts }) => (
          <span key={from} className="flex flex-1 flex-col-reverse gap-px">
            {parts.map(({ pile, runs }) =>
              runs === 0 ? null : (
                <i
                  key={pile}
                  className={`tone-${pile} block rounded-[1px] bg-tone`}
                  style={{ height: Math.max(2, Math.round((runs / most) * (HEIGHT - 4))) }}
                />
              ),
            )}
          </span>
        ))}
      </div>
      <ChartTable
        caption={copy.now.perHour}
        heads={[copy.now.from, ...PILE.map((pile) => copy.now.pile[pile])]}
        rows={bars.map(({ from, parts }) => [
          hourAndMinute(Date.parse(from)),
          ...parts.map(({ runs }) => count(runs)),
        ])}
      />
      <p className="flex justify-between pt-1 text-xs text-ink-3" aria-hidden="true">
        <span>
          {bars[0] === undefined ? '' : copy.now.yesterday(hourAndMinute(Date.parse(bars[0].from)))}
        </span>
        <span>{copy.now.perHour}</span>
        <span>{copy.now.untilNow}</span>
      </p>
    </div>
  );
}

function pileOf(verdict: string): (typeof PILE)[number] {
  if (verdict === 'success') return 'done';
  return TONES[verdict] === undefined ? 'failed' : 'waiting';
}

/** One bar of all runs, cut by what they came to; the same in words under it. */
function Verdicts({ runs }: { runs: NowWire['lastDay']['runs'] }) {
  const total = sum(runs, 'runs');
  if (total === 0) return <p className="text-sm text-ink-3">{copy.now.noRuns}</p>;
  return (
    <div className="grid gap-1.5">
      <div className="flex h-2.5 gap-px overflow-hidden rounded-s" aria-hidden="true">
        {runs.map(({ verdict, runs: n }) => (
          <i
            key={verdict}
            className={`${TONES[verdict] ?? 'tone-failed'} h-full bg-tone`}
            style={{ width: `${(n / total) * 100}%` }}
          />
        ))}
      </div>
      <ul className="flex flex-wrap gap-x-3 gap-y-1 text-xs text-ink-2">
        {runs.map(({ verdict, runs: n }) => (
          <li key={verdict} className={`${TONES[verdict] ?? 'tone-failed'} flex items-center gap-1.5`}>
            <i aria-hidden="true" className="size-2 rounded-[2px] bg-tone" />
            {copy.run.verdict[verdict] ?? verdict} <span className="num text-ink-3">{count(n)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function sum<K extends 'runs' | 'costUsd' | 'unknownCosts'>(runs: NowWire['lastDay']['runs'], of: K): number {
  return runs.reduce((total, run) => total + run[of], 0);
}
