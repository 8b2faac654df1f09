import type { UseQueryResult } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { NowWire } from '../../../../src/http/contract.ts';
import { copy } from '../../copy.ts';
import { count, money, plural } from '../../lib/format.ts';
import { Card } from '../../ui/card.tsx';
import { Loaded } from '../../ui/states.tsx';
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
