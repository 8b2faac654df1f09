import { useQuery } from '@tanstack/react-query';
import { useSearch } from '@tanstack/react-router';
import { Ellipsis } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';
import type { JobWire } from '../../../src/http/contract.ts';
import { get } from '../api/client.ts';
import { nowQuery, titlesQuery } from '../api/queries.ts';
import { copy } from '../copy.ts';
import { CancelButton, RetryButton } from '../frame/act-buttons.tsx';
import { useDialogs } from '../frame/dialogs.tsx';
import { useProject } from '../frame/search.ts';
import { capital, count, plural, sentence } from '../lib/format.ts';
import { ActionButton, Button } from '../ui/button.tsx';
import { PageTitle } from '../ui/card.tsx';
import { JobChip } from '../ui/job-state.tsx';
import { Menu } from '../ui/menu.tsx';
import { More, usePages } from '../ui/pages.tsx';
import { Loaded } from '../ui/states.tsx';
import { ACTIONS, Table } from '../ui/table.tsx';
import { Since } from '../ui/time.tsx';
import { JobLink } from './now/next-up.tsx';
import { Filters, Nothing, STATES } from './queue/filters.tsx';

/** "Select all that match" stops here: more is a matter for the command line. */
const MOST_SELECTED = 1000;

/** The colour of the chip beside it says so already. */
const NO_ACTION = /^No action needed: /;

/** What is next, and what holds each job. */
export function QueuePage() {
  const search = useSearch({ from: '/framed/queue' });
  const project = useProject();
  const filters = useMemo(
    () => ({
      status:
        STATES.find((each) => each === search.state) ?? (search.state === 'all' ? '' : 'queued,running'),
      reason: search.code,
      account: search.account,
      stage: search.stage,
      q: search.q,
      project,
    }),
    [search, project],
  );
  const query = usePages('jobs', '/jobs', filters, { refetchInterval: 10_000 });
  const jobs = query.data?.pages.flatMap((page) => page.jobs) ?? [];
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const key = JSON.stringify(filters);
  // What was chosen among other rows is not what the person sees now.
  useEffect(() => setSelected(new Set()), [key]);
  const selectAll = async () => {
    const found = await get('/jobs', { query: { ...filters, limit: MOST_SELECTED } });
    setSelected(new Set(found.jobs.map(({ id }) => id)));
  };
  const toggle = (id: string) =>
    setSelected((old) => {
      const next = new Set(old);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  return (
    <>
      <PageTitle
        title={copy.nav.queue}
        hint={
          <p className="num">
            {plural(jobs.length, 'job')}
            {query.hasNextPage ? '+' : ''}
          </p>
        }
      />
      <section className="card" aria-label={copy.nav.queue}>
        <Filters />
        {selected.size === 0 ? null : (
          <Bulk
            selected={[...selected]}
            isMore={query.hasNextPage && selected.size >= jobs.length}
            onAll={() => void selectAll()}
            onNone={() => setSelected(new Set())}
          />
        )}
        <Loaded query={query} what={copy.nav.queue} rows={8}>
          {() =>
            jobs.length === 0 ? (
              <Nothing />
            ) : (
              <>
                <Jobs
                  jobs={jobs}
                  selected={selected}
                  onToggle={toggle}
                  onToggleAll={() =>
                    setSelected((old) => (old.size > 0 ? new Set() : new Set(jobs.map(({ id }) => id))))
                  }
                />
                <More query={query} label={copy.queue.more} />
              </>
            )
          }
        </Loaded>
      </section>
    </>
  );
}

function Bulk({
  selected,
  isMore,
  onAll,
  onNone,
}: {
  selected: readonly string[];
  isMore: boolean;
  onAll: () => void;
  onNone: () => void;
}) {
  const dialogs = useDialogs();
  return (
    <div
      className="flex flex-wrap items-center gap-2 border-b border-line bg-accent-tint px-4 py-2 text-sm"
      role="status"
    >
      <span className="num font-medium">{copy.queue.selected(count(selected.length))}</span>
      {isMore ? (
        <button type="button" className="link" onClick={onAll}>
          {copy.queue.selectAll}
        </button>
      ) : null}
      <button type="button" className="link" onClick={onNone}>
        {copy.queue.selectNone}
      </button>
      <span className="flex-1 max-md:basis-full" />
      <ActionButton
        isSmall
        action="urgent"
        onClick={() => dialogs.open({ kind: 'priority', targets: selected })}
      >
        {copy.action.priority}
      </ActionButton>
      <ActionButton isSmall action="retry" onClick={() => dialogs.open({ kind: 'move', targets: selected })}>
        {copy.action.move}
      </ActionButton>
      <RetryButton isSmall targets={selected} />
      <CancelButton isSmall targets={selected} />
    </div>
  );
}

function Jobs({
  jobs,
  selected,
  onToggle,
  onToggleAll,
}: {
  jobs: readonly JobWire[];
  selected: ReadonlySet<string>;
  onToggle: (id: string) => void;
  onToggleAll: () => void;
}) {
  const titles = useQuery(titlesQuery()).data ?? {};
  const next = useQuery(nowQuery(useProject())).data?.next ?? [];
  return (
    <Table
      columns={[
        {
          name: (
            <input
              type="checkbox"
              className="block size-4 accent-accent"
              aria-label={copy.queue.selectShown}
              checked={selected.size > 0 && selected.size >= jobs.length}
              onChange={onToggleAll}
            />
          ),
        },
        copy.columns.place,
        copy.columns.task,
        { name: copy.columns.stage, isWide: true },
        { name: copy.columns.project, isWide: true },
        { name: copy.columns.account, isWide: true },
        copy.columns.heldBy,
        { name: copy.columns.clears, isWide: true },
        { name: copy.columns.priority, isNumber: true },
        { name: copy.columns.waiting, isNumber: true },
        ACTIONS,
      ]}
    >
      {jobs.map((job) => (
        <JobRow
          key={job.id}
          job={job}
          place={next.findIndex(({ id }) => id === job.id) + 1 || null}
          title={job.task === null ? null : (titles[job.task] ?? null)}
          isSelected={selected.has(job.id)}
          onToggle={() => onToggle(job.id)}
        />
      ))}
    </Table>
  );
}

function JobRow({
  job,
  place,
  title,
  isSelected,
  onToggle,
}: {
  job: JobWire;
  /** Among the next ones to start; null further back, and for what has no turn. */
  place: number | null;
  title: string | null;
  isSelected: boolean;
  onToggle: () => void;
}) {
  const dialogs = useDialogs();
  const isOver = job.status === 'done' || job.status === 'cancelled';
  const target = job.task ?? job.id;
  const hold = job.status === 'queued' ? job.hold : null;
  return (
    <tr data-row data-active={isSelected}>
      <td>
        <input
          type="checkbox"
          className="block size-4 accent-accent max-md:size-5"
          aria-label={`${copy.columns.select} ${target}`}
          checked={isSelected}
          onChange={onToggle}
        />
      </td>
      <td className="num away text-ink-3">{place ?? '–'}</td>
      <td className="max-md:!flex-[1_1_70%]">
        <JobLink job={job} title={title} />
      </td>
      <td className="text-sm text-ink-2 max-lg:hidden">{sentence(job.stage ?? job.agent ?? '')}</td>
      <td className="mono text-sm text-ink-2 max-lg:hidden">{job.project}</td>
      <td className="mono text-sm text-ink-2 max-lg:hidden">{job.account ?? '–'}</td>
      <td>
        <JobChip job={job} />
        {job.error === null || job.status !== 'failed' ? null : (
          <p className="two-lines mt-0.5 max-w-72 text-xs text-ink-2">{job.error}</p>
        )}
      </td>
      <td className="max-w-56 min-w-40 max-lg:hidden">
        {hold === null || hold.code === 'queue.position' ? null : (
          <p className="two-lines text-xs text-ink-3" title={hold.clearsWhen}>
            {capital(hold.clearsWhen.replace(NO_ACTION, ''))}
          </p>
        )}
      </td>
      <td className="n away text-sm text-ink-2">{job.urgent ? copy.task.urgent : job.priority}</td>
      <td className="n text-sm whitespace-nowrap text-ink-2">
        <Since at={job.createdAt} />
      </td>
      <td className="max-md:!ml-auto">
        <Menu
          label={`${copy.columns.actions}: ${target}`}
          trigger={
            <Button look="quiet" isSmall isIcon aria-label={`${copy.columns.actions}: ${target}`}>
              <Ellipsis aria-hidden="true" />
            </Button>
          }
          items={[
            {
              label: copy.action.retry,
              whyNot: job.status === 'running' ? copy.task.runsNow : undefined,
              onSelect: () => dialogs.open({ kind: 'retry', targets: [target] }),
            },
            {
              label: copy.action.priority,
              whyNot: isOver ? copy.task.isOver : undefined,
              onSelect: () => dialogs.open({ kind: 'priority', targets: [target] }),
            },
            {
              label: copy.action.cancel,
              whyNot: isOver ? copy.task.isOver : undefined,
              onSelect: () => dialogs.open({ kind: 'cancel', targets: [target] }),
            },
          ]}
        />
        <button
          type="button"
          hidden
          data-action="retry"
          onClick={() => dialogs.open({ kind: 'retry', targets: [target] })}
        />
        <button
          type="button"
          hidden
          data-action="cancel"
          onClick={() => dialogs.open({ kind: 'cancel', targets: [target] })}
        />
      </td>
    </tr>
  );
}
