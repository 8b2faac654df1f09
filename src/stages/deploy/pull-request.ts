import type { PullRequest, Task } from '../../core/model.ts';
import { pullRequestBody } from '../../core/trace-markdown.ts';
import type { StageContext } from '../stage.ts';

/** Its opening may still be on its way: whoever comes second gets the one that there is. Null: its head is merged. */
export async function openedPullRequest(
  { forge, signal, project }: StageContext,
  task: Task,
  head: string,
): Promise<PullRequest | null> {
  if (task.pr !== null) return task.pr;
  const request = {
    branch: task.branch,
    base: project.base,
    head,
    title: `${task.key}: ${task.title}`,
    body: pullRequestBody(task),
  };
  return forge.open(request, { key: `pr:${task.key}:open`, again: true, signal });
}

export function messageOf(task: Task): string {
  return `${task.key}: ${task.title}\n\nMerged by Orch.`;
}
