import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { CircleCheck, Plus } from 'lucide-react';
import type { JobWire, ProjectWire, RunningWire, TaskWire } from '../../../src/http/contract.ts';
import { useAct } from '../api/actions.ts';
import { explainQuery, jobsQuery, nowQuery, projectsQuery, tasksQuery } from '../api/queries.ts';
import { copy } from '../copy.ts';
import { useDialogs } from '../frame/dialogs.tsx';
import { useProject } from '../frame/search.ts';
import { count, sentence } from '../lib/format.ts';
import { FilterField, FilterSelect, Segments } from '../ui/bar.tsx';
import { ActionButton } from '../ui/button.tsx';
import { PageTitle } from '../ui/card.tsx';
import type { Options } from '../ui/fields.tsx';
import { stateOfTask } from '../ui/job-state.tsx';
import { Empty, Loaded } from '../ui/states.tsx';
import { Chip, type StateName, wordOf } from '../ui/tone.tsx';
import { BoardCard } from './board/card.tsx';

const SHOWN_STATES = ['running', 'needs_you', 'failed', 'waiting', 'queued'] as const;

export interface OnBoard {
  readonly task: TaskWire;
  readonly job: JobWire | null;
  readonly running: RunningWire | null;
  readonly state: StateName;
}

/** Where is each task? One column per stage, in the order of the pipelines; the workflow owns the stage. */
export function BoardPage() {
  const project = useProject();
  const search = useSearch({ from: '/framed/board' });
  const query = useQuery(tasksQuery({ limit: 1000, project }));
  const current = useQuery(jobsQuery({ status: 'queued,running', limit: 1000, project })).data?.jobs;
  // What is out of retries has no open job: its last one tells how often it was tried, and on which account.
  const failed = useQuery(jobsQuery({ status: 'failed', sort: '-id', limit: 200, project })).data?.jobs;
  const jobs = [...(failed ?? []).toReversed(), ...(current ?? [])];
  const running = useQuery(nowQuery(project)).data?.running ?? [];
  const projects = useQuery(projectsQuery()).data?.projects ?? [];
  const dialogs = useDialogs();
  const all = (query.data?.tasks ?? []).map((task) => onBoard(task, jobs, running));
  const open = all.filter(({ task }) => task.status !== 'done' && task.status !== 'cancelled');
  const done = all.filter(({ task }) => task.status === 'done');
  const shown = open.filter((each) => fits(each, search));
  return (
    <>
      <PageTitle title={copy.nav.board} hint={<States all={open} />}>
        <ActionButton look="primary" action="submit" onClick={() => dialogs.open({ kind: 'submit' })}>
          <Plus aria-hidden="true" />
          {copy.submit.title}
        </ActionButton>
      </PageTitle>
      <Filters all={open} />
      <Loaded query={query} what={copy.nav.board} rows={6}>
        {() =>
          open.length === 0 && done.length === 0 ? (
            <NothingYet project={project} />
          ) : (
            <Columns shown={shown} done={done} projects={projects} byProject={search.group === 'project'} />
          )
        }
      </Loaded>
    </>
  );
}

function onBoard(task: TaskWire, jobs: readonly JobWire[], running: readonly RunningWire[]): OnBoard {
  const own = jobs.filter((job) => job.task === task.key);
  return {
    task,
    job: own.at(-1) ?? null,
    running: running.find(({ job }) => job.task === task.key) ?? null,
    state: stateOfTask(task, own),
  };
}

function fits(
  { task, job, state }: OnBoard,
  {
    q,
    state: wanted,
    account,
    label,
  }: {
    q?: string | undefined;
    state?: string | undefined;
    account?: string | undefined;
    label?: string | undefined;
  },
): boolean {
  const words = (q ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  const text = `${task.key} ${task.title} ${task.branch} ${task.labels.join(' ')}`.toLowerCase();
  return (
    words.every((word) => text.includes(word)) &&
    (wanted === undefined || state === wanted) &&
    (account === undefined || job?.account === account) &&
    (label === undefined || task.labels.includes(label))
  );
}

function Filters({ all }: { all: readonly OnBoard[] }) {
  const search = useSearch({ from: '/framed/board' });
  const navigate = useNavigate({ from: '/board' });
  const set = (change: Partial<typeof search>) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  return (
    <div className="mb-4 flex flex-wrap items-center gap-2">
      <FilterField label={copy.board.filter} value={search.q} onChange={(q) => set({ q })} />
      <div className="flex md:order-1 md:ml-auto">
        <Segments
          label={copy.board.group}
          chosen={search.group === 'project' ? 'project' : 'stage'}
          onChoose={(group) => set({ group: group === 'stage' ? undefined : group })}
          choices={(['stage', 'project'] as const).map((group) => [group, copy.columns[group]])}
        />
      </div>
      <FilterSelect
        label={copy.columns.account}
        value={search.account}
        none={`${copy.columns.account}: ${copy.queue.any}`}
        options={named(all.map(({ job }) => job?.account ?? null))}
        onChange={(account) => set({ account })}
      />
      <FilterSelect
        label={copy.board.label}
        value={search.label}
        none={`${copy.board.label}: ${copy.queue.any}`}
        options={named(all.flatMap(({ task }) => task.labels))}
        onChange={(label) => set({ label })}
      />
    </div>
  );
}

/** Each name once, in order. */
function named(names: readonly (string | null)[]): Options {
  return [...new Set(names)]
    .filter((name) => name !== null)
    .toSorted()
    .map((name) => [name, name] as const);
}

/** How many tasks are in each state; a press shows those alone. */
function States({ all }: { all: readonly OnBoard[] }) {
  const search = useSearch({ from: '/framed/board' });
  const navigate = useNavigate({ from: '/board' });
  const set = (state: string | undefined) =>
    void navigate({ search: (old) => ({ ...old, state }), replace: true });
  return (
    <div className="flex flex-wrap gap-1.5 max-md:flex-nowrap max-md:gap-3 max-md:overflow-x-auto">
      {SHOWN_STATES.map((state) => {
        const n = all.filter((each) => each.state === state).length;
        if (n === 0) return null;
        return (
          <button
            key={state}
            type="button"
            className="shrink-0 rounded-[13px] aria-pressed:outline-2 aria-pressed:outline-offset-1 aria-pressed:outline-accent min-h-6 max-md:flex max-md:min-h-10 max-md:items-center"
            aria-pressed={search.state === state}
            onClick={() => set(search.state === state ? undefined : state)}
          >
            <Chip state={state}>
              <span className="num">{count(n)}</span>{' '}
              {state === 'needs_you' ? copy.board.needYou(n) : wordOf(state).toLowerCase()}
            </Chip>
          </button>
        );
      })}
    </div>
  );
}

function Columns({
  shown,
  done,
  projects,
  byProject,
}: {
  shown: readonly OnBoard[];
  done: readonly OnBoard[];
  projects: readonly ProjectWire[];
  byProject: boolean;
}) {
  const search = useSearch({ from: '/framed/board' });
  const navigate = useNavigate({ from: '/board' });
  const names = byProject ? projects.map(({ key }) => key) : stageOrder(projects, shown);
  const of = (each: OnBoard) => (byProject ? each.task.project : each.task.stage);
  const columns = names.map((name) => ({ name, cards: shown.filter((each) => of(each) === name) }));
  const isDoneOpen = search.done === 'shown';
  return (
    <div className="board" tabIndex={0} role="region" aria-label={copy.nav.board}>
      {columns.map(({ name, cards }) => {
        const live = cards.filter(({ state }) => state === 'running').length;
        const cap = byProject ? projects.find(({ key }) => key === name)?.maxConcurrency : undefined;
        return (
          <section key={name} className="board-column" aria-label={sentence(name)}>
            <header className="flex items-center gap-1.5 px-1 pb-2.5">
              <h2 className={byProject ? 'mono' : ''}>{byProject ? name : sentence(name)}</h2>
              <span className="num text-sm text-ink-3">{cards.length}</span>
              <span
                className={`num ml-auto text-xs ${cap !== undefined && live >= cap ? 'text-attention-ink' : 'text-ink-3'}`}
              >
                {cap === undefined
                  ? live > 0
                    ? copy.board.running(live)
                    : ''
                  : copy.board.runningOf(live, cap)}
              </span>
            </header>
            <ul className="grid grid-cols-[minmax(0,1fr)] gap-2">
              {cards.map((each) => (
                <BoardCard key={each.task.key} {...each} showsStage={byProject} />
              ))}
            </ul>
          </section>
        );
      })}
      {done.length === 0 ? null : isDoneOpen ? (
        <section className="board-column" aria-label={copy.board.done}>
          <header className="flex items-center gap-1.5 px-1 pb-2.5">
            <h2>{copy.board.done}</h2>
            <span className="num text-sm text-ink-3">{done.length}</span>
            <button
              type="button"
              className="link ml-auto text-xs"
              onClick={() => void navigate({ search: (old) => ({ ...old, done: undefined }) })}
            >
              {copy.board.fold}
            </button>
          </header>
          <ul className="grid grid-cols-[minmax(0,1fr)] gap-2">
            {done
              .toReversed()
              .slice(0, 50)
              .map((each) => (
                <BoardCard key={each.task.key} {...each} showsStage={false} />
              ))}
          </ul>
        </section>
      ) : (
        <button
          type="button"
          className="board-done"
          onClick={() => void navigate({ search: (old) => ({ ...old, done: 'shown' }) })}
        >
          <span>
            <CircleCheck size={16} aria-hidden="true" />
            {copy.board.done} · <span className="num">{done.length}</span>
          </span>
        </button>
      )}
    </div>
  );
}

/** Stages as the pipelines have them; one that no pipeline knows any more goes last. */
function stageOrder(projects: readonly ProjectWire[], shown: readonly OnBoard[]): string[] {
  const longest = projects
    .flatMap(({ pipelines }) => pipelines.filter(({ name }) => name === 'full'))
    .toSorted((a, b) => b.stages.length - a.stages.length);
  const names = new Set(longest.flatMap(({ stages }) => stages.map(({ stage }) => stage)));
  for (const { task } of shown) names.add(task.stage);
  const rank = (name: string) => {
    const at = longest.map(({ stages }) => stages.findIndex(({ stage }) => stage === name) / stages.length);
    return Math.max(...at, names.size === 0 ? 0 : -1) || 0;
  };
  return [...names].toSorted((a, b) => rank(a) - rank(b));
}

function NothingYet({ project }: { project: string | undefined }) {
  const explain = useQuery(explainQuery(project)).data;
  const surveys = explain?.reasons.filter(({ code }) => code === 'nothing.queued') ?? [];
  const dialogs = useDialogs();
  const poll = useAct('outbox/retry');
  const isPolled = useQuery(projectsQuery()).data?.projects.some(
    ({ key, tracker }) => tracker !== 'local' && (project === undefined || key === project),
  );
  return (
    <section className="card">
      <Empty>
        <p>{copy.board.empty}</p>
        {surveys.map((reason) => (
          <p key={reason.scope.id} className="mt-1 wrap-anywhere">
            {reason.title}. {reason.detail}
          </p>
        ))}
        <p className="mt-3">
          <ActionButton action="submit" onClick={() => dialogs.open({ kind: 'submit' })}>
            {copy.submit.title}
          </ActionButton>
          {isPolled ? (
            <ActionButton
              action="outbox.retry"
              className="ml-2"
              isPending={poll.isPending}
              onClick={() =>
                poll.mutate({ destination: project === undefined ? null : `tracker:${project}` })
              }
            >
              {copy.action.poll}
            </ActionButton>
          ) : null}
        </p>
      </Empty>
    </section>
  );
}
