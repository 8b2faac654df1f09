import { Link } from '@tanstack/react-router';
import { Ellipsis, GitPullRequest, KeyRound } from 'lucide-react';
import { useAct } from '../../api/actions.ts';
import { copy } from '../../copy.ts';
import { useDialogs } from '../../frame/dialogs.tsx';
import { sentence, spent } from '../../lib/format.ts';
import { safeUrl } from '../../lib/safe-url.ts';
import { useWhyNot } from '../../ui/button.tsx';
import { JobChip, TaskChip } from '../../ui/job-state.tsx';
import { Menu } from '../../ui/menu.tsx';
import { Since } from '../../ui/time.tsx';
import { toneOf } from '../../ui/tone.tsx';
import type { OnBoard } from '../board.tsx';
import { Proof, RunChip } from '../now/running.tsx';

/** One task: what it is, the one thing to know about it, and what can be done. */
export function BoardCard({ task, job, running, state, showsStage }: OnBoard & { showsStage: boolean }) {
  const hold = job?.status === 'queued' ? job.hold : null;
  // Of a question the words, without the answers to pick from.
  const line =
    task.status === 'needs_you' ? task.reason?.detail.split('\n- ')[0] : hold?.detail || hold?.clearsWhen;
  const pullRequest = safeUrl(task.pr?.url ?? null);
  return (
    <li data-row className={`board-card tone-${toneOf(state)}`}>
      <div className="flex items-center gap-2">
        <Link to="/tasks/$key" params={{ key: task.key }} className="mono text-sm">
          {task.key}
        </Link>
        <span className="flex-1" />
        {job === null || job.maxAttempts < 2 ? null : (
          <Dots
            failed={job.status === 'running' ? job.attempts - 1 : job.attempts}
            isLive={job.status === 'running'}
            of={job.maxAttempts}
          />
        )}
        <CardMenu task={task} isRunning={state === 'running'} />
      </div>
      <p className="two-lines mt-[3px] mb-2 leading-[19px] font-medium">{task.title}</p>
      <p>
        {running !== null ? (
          <RunChip running={running} isShort />
        ) : task.status === 'active' && job !== null ? (
          <JobChip job={job} />
        ) : state === 'failed' && job !== null ? (
          <JobChip job={job} />
        ) : (
          <TaskChip task={task} />
        )}
      </p>
      {running === null ? null : (
        <div className="mt-1.5">
          <Proof running={running} isShort />
        </div>
      )}
      {running !== null || line === undefined || line === '' ? null : (
        <p className="two-lines mt-1.5 text-xs text-ink-2">{line}</p>
      )}
      <div className="mt-2 flex flex-wrap items-center gap-x-2 border-t border-line pt-1.5 text-xs text-ink-3">
        {showsStage ? <span>{sentence(task.stage)}</span> : null}
        {task.pr !== null ? (
          <PullRequest number={task.pr.number} url={pullRequest} />
        ) : job?.account != null ? (
          <span className="mono flex items-center gap-1">
            <KeyRound size={13} aria-hidden="true" className="shrink-0" />
            {job.account}
          </span>
        ) : null}
        <span className="num ml-auto flex gap-2 whitespace-nowrap">
          {task.costUsd === 0 ? null : <span>{spent(task)}</span>}
          {running === null ? <Since at={task.createdAt} /> : null}
        </span>
      </div>
    </li>
  );
}

function PullRequest({ number, url }: { number: number; url: string | null }) {
  const what = (
    <>
      <GitPullRequest size={13} aria-hidden="true" />
      <span className="sr-only">{copy.task.pullRequest} </span>
      {number}
    </>
  );
  const look = 'num flex items-center gap-1';
  return url === null ? (
    <span className={look}>{what}</span>
  ) : (
    <a className={look} href={url} target="_blank" rel="noreferrer">
      {what}
    </a>
  );
}

/** One dot per attempt of the budget: spent ones red, the live one blue. */
function Dots({ failed, isLive, of }: { failed: number; isLive: boolean; of: number }) {
  if (failed === 0 && !isLive) return null;
  return (
    <span className="dots" role="img" aria-label={copy.board.attempts(failed + (isLive ? 1 : 0), of)}>
      {Array.from({ length: Math.min(of, 6) }, (_, i) => (
        <i key={i} data-dot={i < failed ? 'failed' : i === failed && isLive ? 'live' : 'free'} />
      ))}
    </span>
  );
}

function CardMenu({ task, isRunning }: Pick<OnBoard, 'task'> & { isRunning: boolean }) {
  const dialogs = useDialogs();
  const urgent = useAct('urgent');
  const noRetry = useWhyNot('retry');
  const noCancel = useWhyNot('cancel');
  const noUrgent = useWhyNot('urgent');
  const isOver = task.status === 'done' || task.status === 'cancelled';
  const retry = () => dialogs.open({ kind: 'retry', targets: [task.key] });
  const cancel = () => dialogs.open({ kind: 'cancel', targets: [task.key] });
  return (
    <>
      <Menu
        label={`${copy.columns.actions}: ${task.key}`}
        trigger={
          <button
            type="button"
            className="-my-1 -mr-1.5 flex size-6 items-center justify-center text-ink-3 max-md:size-10"
            aria-label={`${copy.columns.actions}: ${task.key}`}
          >
            <Ellipsis size={16} aria-hidden="true" />
          </button>
        }
        items={[
          {
            label: copy.action.retry,
            whyNot: noRetry ?? (isRunning ? copy.task.runsNow : undefined),
            onSelect: retry,
          },
          {
            label: copy.board.moveTo,
            whyNot: noRetry ?? (isRunning ? copy.task.runsNow : undefined),
            onSelect: () => dialogs.open({ kind: 'retry', targets: [task.key], stage: task.stage }),
          },
          {
            label: task.urgent ? copy.task.notUrgent : copy.task.makeUrgent,
            whyNot: noUrgent ?? (isOver ? copy.task.isOver : undefined),
            onSelect: () => urgent.mutate({ target: task.key, urgent: !task.urgent }),
          },
          'line',
          {
            label: copy.action.cancel,
            whyNot: noCancel ?? (isOver ? copy.task.isOver : undefined),
            onSelect: cancel,
          },
        ]}
      />
      <button type="button" hidden data-action="retry" onClick={retry} />
      <button type="button" hidden data-action="cancel" onClick={cancel} />
    </>
  );
}
