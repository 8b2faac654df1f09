import type { CommandState } from './command.ts';
import type { Effects } from './effects.ts';
import { AppError } from './errors.ts';
import { jobName } from './model.ts';

/** Urgent work goes first. The task passes it on from job to job; saying it again changes nothing. */
export function setUrgent({ task, job, superseded = false }: CommandState, on: boolean): Effects {
  if (task !== null && superseded)
    throw new AppError(`${task.key} has gone on since ${jobName(job.id)}`, {
      code: 'job.superseded',
      hint: `orch urgent ${task.key}`,
    });
  const over = task === null ? job.status === 'done' : task.status === 'done' || task.status === 'cancelled';
  if (over)
    throw new AppError(`${task?.key ?? jobName(job.id)} is ${task?.status ?? job.status}`, {
      code: task === null ? 'job.done' : 'task.ended',
      hint: 'only work that is still to be done can be urgent: orch tasks',
    });
  return {
    ...(job.urgent === on ? {} : { job: { urgent: on } }),
    ...(task === null || task.urgent === on ? {} : { task: { urgent: on } }),
  };
}
