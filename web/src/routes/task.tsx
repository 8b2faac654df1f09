import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { ExternalLink, GitBranch, GitPullRequest, RotateCcw, X } from 'lucide-react';
import type { ReactNode } from 'react';
import type { TaskDetailWire } from '../../../src/http/contract.ts';
import { useAct } from '../api/actions.ts';
import { ApiError } from '../api/client.ts';
import { projectsQuery, taskQuery } from '../api/queries.ts';
import { copy } from '../copy.ts';
import { useDialogs } from '../frame/dialogs.tsx';
import { money, sentence } from '../lib/format.ts';
import { safeUrl } from '../lib/safe-url.ts';
import { stagesOf } from '../lib/stages.ts';
import { ActionButton, buttonClass } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { Crumbs } from '../ui/crumbs.tsx';
import { TaskChip } from '../ui/job-state.tsx';
import { StageStrip } from '../ui/stage-strip.tsx';
import { Empty, Problem, Skeleton } from '../ui/states.tsx';
import { Ago } from '../ui/time.tsx';
import { StageRuns } from './task/stage-runs.tsx';
import { TaskAudit } from './task/task-audit.tsx';
import { Trace } from './task/trace.tsx';
import { Trouble } from './task/trouble.tsx';

/** What happened to one item: its stages and runs, its evidence, its pull request, who did what. */
export function TaskPage() {
  const { key } = useParams({ from: '/framed/tasks/$key' });
  const query = useQuery(taskQuery(key));
  if (query.data !== undefined && !query.isPlaceholderData) return <TaskView task={query.data.task} />;
  if (query.error instanceof ApiError && query.error.status === 404) return <NoTask name={key} />;
  return (
    <section className="card">
      {query.error === null ? (
        <Skeleton rows={6} />
      ) : (
        <Problem what={copy.nav.task} error={query.error} onAgain={() => void query.refetch()} />
      )}
    </section>
  );
}

function NoTask({ name }: { name: string }) {
  return (
    <>
      <Crumbs>
        <Link to="/board">{copy.nav.board}</Link>
        <span className="mono">{name}</span>
      </Crumbs>
      <h1 className="mb-4">{copy.state.notFound}</h1>
      <section className="card">
        <Empty>{copy.state.notFoundDetail(`${copy.nav.task.toLowerCase()} ${name}`)}</Empty>
      </section>
    </>
  );
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
        </div>
        <div className="stack">
          <Facts task={task} />
          <TaskAudit target={task.key} />
        </div>
      </div>
    </>
  );
}

function Head({ task }: { task: TaskDetailWire }) {
  const dialogs = useDialogs();
  const urgent = useAct('urgent');
  const isOver = task.status === 'done' || task.status === 'cancelled';
  const pullRequest = safeUrl(task.pr?.url ?? null);
  return (
    <div className="mb-4 flex flex-wrap items-start gap-4">
      <div className="min-w-0 flex-1 basis-80">
        <Crumbs>
          <Link to="/board">{copy.nav.board}</Link>
          <span className="mono">{task.key}</span>
        </Crumbs>
        <h1 className="two-lines" title={task.title}>
          {task.title}
        </h1>
        <p className="mt-1.5 flex flex-wrap items-center gap-2">
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
        </p>
      </div>
      <div className="flex flex-wrap gap-2">
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
        <ActionButton
          action="retry"
          data-page-action="retry"
          whyNot={task.jobs.some(({ status }) => status === 'running') ? copy.task.runsNow : undefined}
          onClick={() => dialogs.open({ kind: 'retry', targets: [task.key] })}
        >
          <RotateCcw aria-hidden="true" />
          {copy.action.retry}
        </ActionButton>
        <ActionButton
          action="cancel"
          look="danger"
          data-page-action="cancel"
          whyNot={isOver ? copy.task.isOver : undefined}
          onClick={() => dialogs.open({ kind: 'cancel', targets: [task.key] })}
        >
          <X aria-hidden="true" />
          {copy.action.cancel}
        </ActionButton>
      </div>
    </div>
  );
}

function Facts({ task }: { task: TaskDetailWire }) {
  const url = safeUrl(task.pr?.url ?? null);
  const rows: readonly (readonly [string, ReactNode])[] = [
    [copy.columns.project, <span className="mono">{task.project}</span>],
    [copy.columns.stage, sentence(task.stage)],
    [copy.task.pipeline, task.pipeline],
    ...(task.size === null ? [] : [[copy.task.size, task.size] as const]),
    [
      copy.columns.cost,
      task.unknownCosts > 0 ? (
        <span title={copy.now.unknownCosts(task.unknownCosts)}>
          {money(task.costUsd)} + {copy.task.unknown}
        </span>
      ) : (
        money(task.costUsd)
      ),
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
      <dl className="facts card-body">
        {rows.map(([name, value]) => (
          <div key={name} className="contents">
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}
