import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { ExternalLink, GitBranch, GitPullRequest } from 'lucide-react';
import type { TaskDetailWire } from '../../../src/http/contract.ts';
import { useAct } from '../api/actions.ts';
import { projectsQuery, taskQuery } from '../api/queries.ts';
import { copy } from '../copy.ts';
import { CancelButton, RetryButton } from '../frame/act-buttons.tsx';
import { sentence, spent } from '../lib/format.ts';
import { safeUrl } from '../lib/safe-url.ts';
import { stagesOf } from '../lib/stages.ts';
import { ActionButton, buttonClass } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { type FactRows, Facts } from '../ui/facts.tsx';
import { TaskChip } from '../ui/job-state.tsx';
import { InPlaceOf, PageHead } from '../ui/page-head.tsx';
import { StageStrip } from '../ui/stage-strip.tsx';
import { Empty } from '../ui/states.tsx';
import { Ago } from '../ui/time.tsx';
import { StageRuns } from './task/stage-runs.tsx';
import { Talk } from './task/talk.tsx';
import { TaskAudit } from './task/task-audit.tsx';
import { Trace } from './task/trace.tsx';
import { TrackerLink } from './task/tracker-link.tsx';
import { Trouble } from './task/trouble.tsx';

/** What happened to one item: its stages and runs, its evidence, its pull request, who did what. */
export function TaskPage() {
  const { key } = useParams({ from: '/framed/tasks/$key' });
  const query = useQuery(taskQuery(key));
  if (query.data !== undefined && !query.isPlaceholderData) return <TaskView task={query.data.task} />;
  return <InPlaceOf query={query} what={copy.nav.task} name={key} />;
}

function TaskView({ task }: { task: TaskDetailWire }) {
  const projects = useQuery(projectsQuery()).data?.projects ?? [];
  return (
    <>
      <Head task={task} />
      <StageStrip stages={stagesOf(task, projects)} />
      <Trouble task={task} />
      <div className="columns columns-narrow">
        <div className="stack">
          <StageRuns task={task} />
          {task.trace === null ? null : <Trace trace={task.trace} taskKey={task.key} />}
          <Card title={copy.task.description}>
            {task.body.trim() === '' ? (
              <Empty>{copy.task.noDescription}</Empty>
            ) : (
              <p className="card-body wrap-anywhere whitespace-pre-wrap">{task.body}</p>
            )}
          </Card>
          <Talk task={task} />
        </div>
        <div className="stack">
          <TaskFacts task={task} />
          <TaskAudit target={task.key} />
        </div>
      </div>
    </>
  );
}

function Head({ task }: { task: TaskDetailWire }) {
  const urgent = useAct('urgent');
  const isOver = task.status === 'done' || task.status === 'cancelled';
  const pullRequest = safeUrl(task.pr?.url ?? null);
  return (
    <PageHead
      crumbs={[<span className="mono">{task.key}</span>]}
      title={task.title}
      actions={
        <>
          <TrackerLink task={task} />
          {pullRequest === null ? null : (
            <a className={buttonClass()} href={pullRequest} target="_blank" rel="noreferrer">
              <ExternalLink aria-hidden="true" />
              {copy.task.pullRequest} {task.pr?.number}
            </a>
          )}
          {isOver ? null : (
            <ActionButton
              action="urgent"
              isPending={urgent.isPending}
              onClick={() => urgent.mutate({ target: task.key, urgent: !task.urgent })}
            >
              {task.urgent ? copy.task.notUrgent : copy.task.makeUrgent}
            </ActionButton>
          )}
          <RetryButton
            isOfPage
            targets={[task.key]}
            whyNot={task.jobs.some(({ status }) => status === 'running') ? copy.task.runsNow : undefined}
          />
          <CancelButton isOfPage targets={[task.key]} whyNot={isOver ? copy.task.isOver : undefined} />
        </>
      }
    >
      <TaskChip task={task} jobs={task.jobs} />
      <span className="tag mono">{task.key}</span>
      <span className="tag mono">
        <GitBranch aria-hidden="true" />
        {task.branch}
      </span>
      {task.urgent ? <span className="tag">{copy.task.urgent}</span> : null}
      {task.labels.map((label) => (
        <span key={label} className="tag">
          {label}
        </span>
      ))}
    </PageHead>
  );
}

function TaskFacts({ task }: { task: TaskDetailWire }) {
  const url = safeUrl(task.pr?.url ?? null);
  const rows: FactRows = [
    [copy.columns.project, <span className="mono">{task.project}</span>],
    [copy.columns.stage, sentence(task.stage)],
    [copy.task.pipeline, task.pipeline],
    ...(task.size === null ? [] : [[copy.task.size, task.size] as const]),
    [
      copy.columns.cost,
      <span title={task.unknownCosts > 0 ? copy.now.unknownCosts(task.unknownCosts) : undefined}>
        {spent(task)}
      </span>,
    ],
    [copy.task.runs, task.runs.length],
    ...Object.entries(task.rounds).map(([stage, n]) => [`${copy.task.rounds} ${stage}`, n] as const),
    ...(task.head === null
      ? []
      : [[copy.task.head, <span className="mono">{task.head.slice(0, 10)}</span>] as const]),
    [
      copy.task.pullRequest,
      task.pr === null ? (
        '–'
      ) : (
        <span className="inline-flex flex-wrap items-center justify-end gap-1">
          <GitPullRequest size={14} aria-hidden="true" />
          {url === null ? (
            task.pr.number
          ) : (
            <a href={url} rel="noreferrer" target="_blank">
              {task.pr.number}
            </a>
          )}
          <span>{task.pr.state}</span>
        </span>
      ),
    ],
    [copy.task.created, <Ago at={task.createdAt} />],
    [copy.task.updated, <Ago at={task.updatedAt} />],
  ];
  return (
    <Card title={copy.task.facts}>
      <div className="card-body">
        <Facts rows={rows} />
      </div>
    </Card>
  );
}
