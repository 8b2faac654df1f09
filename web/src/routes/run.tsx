import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { GitBranch, KeyRound } from 'lucide-react';
import { Tabs } from 'radix-ui';
import { lazy, Suspense, useState } from 'react';
import type { JobWire, RunWire, TaskDetailWire } from '../../../src/http/contract.ts';
import { jobQuery, projectsQuery, runQuery, taskQuery } from '../api/queries.ts';
import { copy } from '../copy.ts';
import { CancelButton, RetryButton } from '../frame/act-buttons.tsx';
import { sentence } from '../lib/format.ts';
import { stagesOf } from '../lib/stages.ts';
import { testsOf } from '../lib/trace.ts';
import { LogView } from '../log/log-view.tsx';
import { RunOutcome } from '../ui/job-state.tsx';
import { InPlaceOf, PageHead, TaskCrumb } from '../ui/page-head.tsx';
import { StageStrip } from '../ui/stage-strip.tsx';
import { Skeleton } from '../ui/states.tsx';
import { BundleLink } from './run/bundle.tsx';
import { Checks } from './run/checks.tsx';
import { diffQuery } from './run/diff-query.ts';
import { Events } from './run/events.tsx';
import { Outcome } from './run/outcome.tsx';
import { Prompt } from './run/prompt.tsx';
import { Side } from './run/side.tsx';
import { Timeline } from './run/timeline.tsx';
import { TrackerLink } from './task/tracker-link.tsx';

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
  return <InPlaceOf query={query} what={copy.nav.run} name={id} />;
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
  const isLive = run.status === 'running';
  const target = task?.key ?? run.jobId;
  return (
    <PageHead
      crumbs={[
        task === null ? <span className="mono">{run.jobId}</span> : <TaskCrumb name={task.key} />,
        <>
          {sentence(job?.stage ?? run.agent ?? '')}, <span className="mono">{run.id}</span>
        </>,
      ]}
      title={task?.title ?? `${sentence(run.agent ?? '')} ${run.id}`}
      actions={
        <>
          {task === null ? null : <TrackerLink task={task} />}
          <BundleLink runId={run.id} />
          {isLive ? (
            <CancelButton isOfPage isRun targets={[run.jobId]} />
          ) : (
            <RetryButton isOfPage targets={[target]} />
          )}
        </>
      }
    >
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
    </PageHead>
  );
}

function RunTabs({ run, job, task }: Shown) {
  const search = useSearch({ from: '/framed/runs/$id' });
  const navigate = useNavigate({ from: '/runs/$id' });
  // The log has its tools in the row of the tabs.
  const [tools, setTools] = useState<HTMLElement | null>(null);
  const files = useChangedFiles(run);
  const { tests, proven } = testsOf(task?.trace ?? null);
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
        <div className="flex flex-wrap items-center border-b border-line">
          <Tabs.List className="tabs" aria-label={copy.run.parts}>
            {TABS.map((each) => (
              <Tabs.Trigger key={each} value={each}>
                {copy.run.tabs[each]}
                {each === 'diff' && files !== null ? <span className="num text-ink-3">{files}</span> : null}
                {each === 'checks' && tests.length > 0 ? (
                  <span className="num text-ink-3">
                    {proven}/{tests.length}
                  </span>
                ) : null}
              </Tabs.Trigger>
            ))}
          </Tabs.List>
          <div ref={setTools} className="min-w-0 flex-1 max-md:basis-full" />
        </div>
        <Tabs.Content value="log">
          <LogView
            runId={run.id}
            startedAt={run.startedAt}
            tools={tools}
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
          <Checks task={task} />
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

/** Files that the run has changed: live by the last look at its worktree, else once its diff was shown. */
function useChangedFiles(run: RunWire): string | null {
  const live = useQuery(runQuery(run.id)).data?.proof?.change ?? null;
  const shown = useQuery({ ...diffQuery(run.id), enabled: false }).data?.diff;
  if (run.status === 'running' && live !== null) return String(live.files);
  if (shown === undefined) return null;
  return `${shown.patch.match(/^diff --git /gm)?.length ?? 0}${shown.cut ? '+' : ''}`;
}
