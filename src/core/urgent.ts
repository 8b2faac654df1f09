import type { CommandState } from './command.ts';
import type { Effects } from './effects.ts';
import { AppError } from './errors.ts';
import { jobName } from './model.ts';

/** Urgent work goes first. The task passes it on from job to job; saying it again changes nothing. */
export function setUrgent(state: CommandState, on: boolean): Effects {
  checkStillToDo(state, 'urgent');
  const { task, job } = state;
  return {
    ...(job.urgent === on ? {} : { job: { urgent: on } }),
    ...(task === null || task.urgent === on ? {} : { task: { urgent: on } }),
  };
}

/** Higher goes first inside its project. The task passes it on, too. */
export function setPriority(state: CommandState, priority: number): Effects {
  checkStillToDo(state, 'given a priority');
  const { task, job } = state;
  return {
    ...(job.priority === priority ? {} : { job: { priority } }),
    ...(task === null || task.priority === priority ? {} : { task: { priority } }),
  };
}

function checkStillToDo({ task, job, superseded = false }: CommandState, what: string): void {
  if (task !== null && superseded)
    throw new AppError(`${task.key} has gone on since ${jobName(job.id)}`, {
      code: 'job.superseded',
      hint: `name the task: ${task.key}`,
    });
  const over = task === null ? job.status === 'done' : task.status === 'done' || task.status === 'cancelled';
  if (over)
    throw new AppError(`${task?.key ?? jobName(job.id)} is ${task?.status ?? job.status}`, {
      code: task === null ? 'job.done' : 'task.ended',
      hint: `only work that is still to be done can be ${what}: orch tasks`,
    });
}
