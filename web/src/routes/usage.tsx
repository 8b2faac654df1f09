import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Download } from 'lucide-react';
import type { UsageWire } from '../../../src/http/contract.ts';
import { address } from '../api/client.ts';
import { usageQuery } from '../api/queries.ts';
import { copy } from '../copy.ts';
import { useProject } from '../frame/search.ts';
import { money, plural, sentence } from '../lib/format.ts';
import { Segments } from '../ui/bar.tsx';
import { buttonClass } from '../ui/button.tsx';
import { Card, PageTitle } from '../ui/card.tsx';
import { StackedBars } from '../ui/stacked-bars.tsx';
import { Empty, Loaded } from '../ui/states.tsx';
import { Budgets } from './usage/budgets.tsx';
import { costOf, Figures, perFinished, SERIES } from './usage/figures.tsx';

const GROUPS = ['project', 'account', 'model', 'stage', 'task'] as const;
const RANGES = [7, 14, 30, 90] as const;
const DAY_MS = 86_400_000;

/** What did it cost, by project, account, model, stage or task? */
export function UsagePage() {
  const search = useSearch({ from: '/framed/usage' });
  const navigate = useNavigate({ from: '/usage' });
  const project = useProject();
  const by = GROUPS.find((each) => each === search.by) ?? 'project';
  const days = RANGES.find((each) => String(each) === search.days) ?? 14;
  // Whole days of UTC, as the table counts them: the same address asks for the same range all day.
  const first = (Math.floor(Date.now() / DAY_MS) - days + 1) * DAY_MS;
  const asked = { by, since: new Date(first).toISOString(), project };
  const query = useQuery(usageQuery(asked));
  const set = (change: Partial<typeof search>) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  return (
    <>
      <PageTitle
        title={copy.nav.usage}
        {...(query.data === undefined ? {} : { hint: <InAll total={query.data.total} days={days} /> })}
      >
        <a
          className={buttonClass()}
          href={address('/usage', { query: { ...asked, format: 'csv' } })}
          download
        >
          <Download aria-hidden="true" />
          {copy.usage.csv}
        </a>
      </PageTitle>
      <div className="stack">
        <Card
          title={copy.usage.perDay}
          extra={
            <>
              <Segments
                label={copy.usage.group}
                chosen={by}
                onChoose={(each) => set({ by: each })}
                choices={GROUPS.map((each) => [each, sentence(each)])}
              />
              <Segments
                label={copy.usage.range}
                chosen={String(days)}
                onChoose={(each) => set({ days: each })}
                choices={RANGES.map((each) => [String(each), copy.usage.days(each)])}
              />
            </>
          }
        >
          <Loaded query={query} what={copy.nav.usage} rows={8}>
            {(usage) =>
              usage.rows.length === 0 ? (
                <Empty>{copy.usage.none}</Empty>
              ) : (
                <>
                  <Chart usage={usage} first={first} days={days} />
                  <Figures usage={usage} />
                  <p className="px-4 py-3 text-xs text-ink-3">{copy.usage.listPrice}</p>
                </>
              )
            }
          </Loaded>
        </Card>
        <Budgets project={project} />
      </div>
    </>
  );
}

function InAll({ total, days }: { total: UsageWire['total']; days: number }) {
  const { tasks } = total.finished;
  return (
    <p className="num dotted">
      <span>{copy.usage.inRange(costOf(total), days)}</span>
      {tasks === 0 ? null : <span>{copy.usage.inAll(perFinished(total), plural(tasks, 'task'))}</span>}
    </p>
  );
}

function Chart({ usage, first, days }: { usage: UsageWire; first: number; days: number }) {
  const shown = usage.rows.slice(0, SERIES).map(({ key }) => key);
  const columns = Array.from({ length: days }, (_, i) => {
    const day = new Date(first + i * DAY_MS).toISOString().slice(0, 10);
    const own = usage.days.filter((each) => each.day === day);
    const values = shown.map((key) => own.find((each) => each.key === key)?.costUsd ?? 0);
    const others = own
      .filter((each) => !shown.includes(each.key))
      .reduce((sum, each) => sum + each.costUsd, 0);
    return { day, values: [...values, others] };
  });
  return (
    <div className="px-4 pt-4 pb-2">
      <StackedBars columns={columns} label={copy.usage.chart(usage.by, money(usage.total.costUsd))} />
    </div>
  );
}
