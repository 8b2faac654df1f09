import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { GitBranch, KeyRound, RotateCcw, X } from 'lucide-react';
import { Tabs } from 'radix-ui';
import { lazy, Suspense } from 'react';
import type { JobWire, RunWire, TaskDetailWire } from '../../../src/http/contract.ts';
import { ApiError } from '../api/client.ts';
import { jobQuery, projectsQuery, runQuery, taskQuery } from '../api/queries.ts';
import { copy } from '../copy.ts';
import { useDialogs } from '../frame/dialogs.tsx';
import { sentence } from '../lib/format.ts';
import { stagesOf } from '../lib/stages.ts';
import { LogView } from '../log/log-view.tsx';
import { ActionButton } from '../ui/button.tsx';
import { Crumbs } from '../ui/crumbs.tsx';
import { RunOutcome } from '../ui/job-state.tsx';
import { StageStrip } from '../ui/stage-strip.tsx';
import { Empty, Problem, Skeleton } from '../ui/states.tsx';
import { BundleLink } from './run/bundle.tsx';
import { Checks } from './run/checks.tsx';
import { Events } from './run/events.tsx';
import { Outcome } from './run/outcome.tsx';
import { Prompt } from './run/prompt.tsx';
import { Side } from './run/side.tsx';
import { Timeline } from './run/timeline.tsx';

const Diff = lazy(async () => ({ default: (await import('./run/diff.tsx')).RunDiff }));

const TABS = ['log', 'diff', 'checks', 'prompt', 'events'] as const;
type Tab = (typeof TABS)[number];

/** What is the agent doing? Is it stuck? */
export function RunPage() {
  const { id } = useParams({ from: '/framed/runs/$id' });
  const query = useQuery(runQuery(id));
  const run = query.isPlaceholderData ? undefined : query.data?.run;
  const job = useQuery({ ...jobQuery(run?.jobId ?? ''), enabled: run !== undefined }).data?.job;
  const key = job !== undefined && job.id === run?.jobId ? job.task : null;
  const task = useQuery({ ...taskQuery(key ?? ''), enabled: key !== null }).data?.task;
  if (run !== undefined)
    return <RunView key={run.id} run={run} job={job ?? null} task={task?.key === key ? task : null} />;
  if (query.error instanceof ApiError && query.error.status === 404)
    return (
      <>
        <h1 className="mb-4">{copy.state.notFound}</h1>
        <section className="card">
          <Empty>{copy.state.notFoundDetail(`${copy.nav.run.toLowerCase()} ${id}`)}</Empty>
        </section>
      </>
    );
  return (
    <section className="card">
      {query.error === null ? (
        <Skeleton rows={6} />
      ) : (
        <Problem what={copy.nav.run} error={query.error} onAgain={() => void query.refetch()} />
      )}
    </section>
  );
}

interface Shown {
  run: RunWire;
  job: JobWire | null;
  task: TaskDetailWire | null;
}

function RunView({ run, job, task }: Shown) {
  const projects = useQuery(projectsQuery()).data?.projects ?? [];
  return (
    <>
      <Head run={run} job={job} task={task} />
      {task === null ? null : <StageStrip stages={stagesOf(task, projects)} />}
      {run.status === 'ended' ? <Outcome run={run} job={job} /> : null}
      <div className="columns columns-narrow">
        <div className="stack">
          {job === null ? null : <Timeline job={job} runs={runsOf(task, run)} current={run.id} />}
          <RunTabs run={run} job={job} task={task} />
        </div>
        <Side run={run} task={task} />
      </div>
    </>
  );
}

function runsOf(task: TaskDetailWire | null, run: RunWire): RunWire[] {
  return task?.runs.filter(({ jobId }) => jobId === run.jobId) ?? [run];
}

function Head({ run, job, task }: Shown) {
  const dialogs = useDialogs();
  const isLive = run.status === 'running';
  const target = task?.key ?? run.jobId;
  return (
    <div className="mb-4 flex flex-wrap items-start gap-4">
      <div className="min-w-0 flex-1 basis-80">
        <Crumbs>
          <Link to="/board">{copy.nav.board}</Link>
          {task === null ? (
            <span className="mono">{run.jobId}</span>
          ) : (
            <Link to="/tasks/$key" params={{ key: task.key }} className="mono">
              {task.key}
            </Link>
          )}
          <span>
            {sentence(job?.stage ?? run.agent ?? '')}, <span className="mono">{run.id}</span>
          </span>
        </Crumbs>
        <h1 className="two-lines" title={task?.title}>
          {task?.title ?? `${sentence(run.agent ?? '')} ${run.id}`}
        </h1>
        <p className="mt-1.5 flex flex-wrap items-center gap-2">
          <RunOutcome run={run} />
          {task === null ? null : <span className="tag mono">{task.key}</span>}
          {job === null ? null : (
            <span className="tag mono">
              <GitBranch aria-hidden="true" />
              {job.branch}
            </span>
          )}
          {run.account === null ? null : (
            <span className="tag mono">
              <KeyRound aria-hidden="true" />
              {run.account}
            </span>
          )}
          {run.cli === null ? null : (
            <span className="tag">
              {run.cli.kind} {run.cli.version ?? ''}
            </span>
          )}
          {run.model === null ? null : <span className="tag mono">{run.model}</span>}
          <span className="tag num">
            {sentence(copy.now.attempt)} {run.attempt}
            {job === null ? '' : ` of ${job.maxAttempts}`}
          </span>
        </p>
      </div>
      <div className="flex flex-wrap gap-2">
        <ActionButton
          action="retry"
          data-page-action="retry"
          whyNot={isLive ? copy.task.runsNow : undefined}
          onClick={() => dialogs.open({ kind: 'retry', targets: [target] })}
        >
          <RotateCcw aria-hidden="true" />
          {copy.action.retry}
        </ActionButton>
        <ActionButton
          action="cancel"
          look="danger"
          data-page-action="cancel"
          whyNot={isLive ? undefined : copy.task.isOver}
          onClick={() => dialogs.open({ kind: 'cancel', targets: [run.jobId], isRun: true })}
        >
          <X aria-hidden="true" />
          {copy.run.cancel}
        </ActionButton>
        <BundleLink runId={run.id} />
      </div>
    </div>
  );
}

function RunTabs({ run, job, task }: Shown) {
  const search = useSearch({ from: '/framed/runs/$id' });
  const navigate = useNavigate({ from: '/runs/$id' });
  const tab: Tab = TABS.find((each) => each === search.tab) ?? 'log';
  const line = /^\d+$/.test(search.line ?? '') ? Number(search.line) : null;
  return (
    <section className="card overflow-hidden" aria-label={copy.run.tabs.log}>
      <Tabs.Root
        value={tab}
        onValueChange={(value) =>
          void navigate({
            search: (old) => ({ ...old, tab: value === 'log' ? undefined : value }),
            replace: true,
          })
        }
      >
        <Tabs.List className="tabs" aria-label={copy.run.parts}>
          {TABS.map((each) => (
            <Tabs.Trigger key={each} value={each}>
              {copy.run.tabs[each]}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        <Tabs.Content value="log">
          <LogView
            runId={run.id}
            startedAt={run.startedAt}
            at={line}
            onAt={(seq) => void navigate({ search: (old) => ({ ...old, line: String(seq) }), replace: true })}
          />
        </Tabs.Content>
        <Tabs.Content value="diff">
          <Suspense fallback={<Skeleton rows={6} />}>
            <Diff run={run} />
          </Suspense>
        </Tabs.Content>
        <Tabs.Content value="checks">
          <Checks run={run} task={task} />
        </Tabs.Content>
        <Tabs.Content value="prompt">
          <Prompt run={run} />
        </Tabs.Content>
        <Tabs.Content value="events">
          <Events run={run} job={job} task={task} />
        </Tabs.Content>
      </Tabs.Root>
    </section>
  );
}
