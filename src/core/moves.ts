import type { Effects, NewOutboxRow } from './effects.ts';
import { withRemarks } from './feed.ts';
import { type Job, jobName, type Task } from './model.ts';
import { reportRow, statusRow } from './task.ts';

/**
 * What follows from every change of a task, whoever decided it: its tracker hears of the move, and what people
 * said meanwhile goes to the attempt or the stage that comes next. `hears`: its item has a living report, or may have
 * one (its project is out of the configuration for a while).
 */
export function withMoves(
  effects: Effects,
  { task, job }: { readonly task: Task | null; readonly job: Job },
  { hears, now }: { readonly hears: boolean; readonly now: number },
): Effects {
  if (task === null) return effects;
  const carried = withUnheard(effects, job);
  const rows = told(carried, task, job, hears, now);
  return rows.length === 0 ? carried : { ...carried, outbox: [...(carried.outbox ?? []), ...rows] };
}

function told({ task: change }: Effects, task: Task, job: Job, hears: boolean, now: number): NewOutboxRow[] {
  if (change === undefined) return [];
  const status = change.status ?? task.status;
  const stage = change.stage ?? task.stage;
  const isMoved = status !== task.status;
  const event = `${jobName(job.id)}:${job.fence}:${status}:${now}`;
  const rows: NewOutboxRow[] = [];
  // What ends a task says so itself.
  if (isMoved && status === 'needs_you') rows.push(statusRow(task, event, 'needs_you', stage));
  if (isMoved && status === 'active') rows.push(statusRow(task, event, 'in_progress', stage));
  const isNew = isMoved || stage !== task.stage || change.reason !== undefined || change.pr !== undefined;
  if (hears && isNew) rows.push(reportRow(task, `${event}:${stage}`));
  return rows;
}

function withUnheard(effects: Effects, job: Job): Effects {
  const context = effects.job?.context ?? job.context;
  const { unheard } = context;
  if (unheard.length === 0) return effects;
  const [next, ...others] = effects.newJobs ?? [];
  if (next !== undefined)
    return {
      ...effects,
      job: { ...effects.job, context: { ...context, unheard: [] } },
      newJobs: [
        { ...next, context: { ...next.context, heard: withRemarks(next.context.heard, unheard) } },
        ...others,
      ],
    };
  if ((effects.job?.status ?? job.status) !== 'queued') return effects;
  const heard = withRemarks(context.heard, unheard);
  return { ...effects, job: { ...effects.job, context: { ...context, heard, unheard: [] } } };
}
