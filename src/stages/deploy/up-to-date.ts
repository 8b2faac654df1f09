import type { Task } from '../../core/model.ts';
import type { PullFacts } from '../../forges/forge.ts';
import type { StageContext, StageResult } from '../stage.ts';
import { asks, branchMoved, conflictRound, short, transient, waits } from './results.ts';

/**
 * Brings the base into the branch and pushes it. A yes to the head before holds for the new one while the change
 * that it makes of the base is the same. Whoever checks heads gets to see the new one before it is merged.
 */
export async function bringUpToDate(
  context: StageContext,
  task: Task,
  head: string,
  pull: PullFacts | null,
): Promise<StageResult> {
  const { workspace, repository, project, stage } = context;
  const { key, branch } = task;
  const update = await workspace.updateFromBase(repository, { key, branch });
  switch (update.kind) {
    case 'conflict':
      return conflictRound(project.base, update.files, head);
    case 'clone_dirty':
      return transient(`the worktree of ${key} holds work that is not taken yet`);
    case 'up_to_date':
      return transient(`${branch} holds ${project.base} already: the forge has not seen it yet`);
    case 'updated':
      break;
  }
  const pushed = await workspace.push(repository, branch);
  if (pushed.kind === 'branch_moved') return branchMoved(task, pushed.remote);
  const isSame = await workspace.isSameChange(repository, head, update.head);
  if (!isSame && stage.approval === 'required')
    return asks(
      `${project.base} was merged in, and the change is not the same as before: ${stage.stage} of ${key} waits for approval of ${short(update.head)}`,
      update.head,
    );
  const detail = `${project.base} was merged in as ${short(update.head)}`;
  const isCarried = stage.approval === 'required';
  // Nobody would look whether the forge got on: it is tried again.
  if (pull === null)
    return { ...transient(detail), head: update.head, carriedTo: isCarried ? update.head : null };
  return waits({ detail: `${detail}, its checks are to come`, merges: false }, update.head, isCarried);
}
