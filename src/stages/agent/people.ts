import { runName } from '../../core/model.ts';
import type { Commit, PushResult, SyncResult } from '../../workspace/workspace.ts';
import type { StageContext } from '../stage.ts';
import { keyOf } from './context-facts.ts';

export type PeopleIn =
  | {
      readonly kind: 'ready';
      /** Where the round begins: people's commits are not the agent's work. */
      readonly roundHead: string;
      readonly commits: readonly Commit[];
      /** They could not be merged over uncommitted work: the agent has to. */
      readonly isForAgent: boolean;
    }
  | { readonly kind: 'trouble'; readonly code: string; readonly reason: string }
  /** The claim is no longer this attempt's: nothing more is done. */
  | { readonly kind: 'not_ours' };

/**
 * Brings commits that people pushed to the task branch into it before the agent starts. What they and
 * the task contradict each other in, or a branch moved away from Orch's commits, is for a person. What came
 * in is noted as the beginning of the round before anything else can fail, so no later attempt is given it
 * as its own work.
 */
export async function bringPeopleIn(context: StageContext, cloneHead: string): Promise<PeopleIn> {
  const { workspace, repository, job, project } = context;
  const { branch } = job;
  const before = await workspace.branchHead(project.key, branch);
  const synced = await workspace.syncBranch(repository, { key: keyOf(context), branch });
  // The branch, not the clone: a sync that was cut off may have moved the branch alone.
  const began = job.context.roundHead ?? before ?? cloneHead;
  switch (synced.kind) {
    case 'up_to_date':
      return { kind: 'ready', roundHead: began, commits: [], isForAgent: false };
    case 'synced': {
      // Work of an earlier attempt of this round still counts as done in it.
      const roundHead = began === before ? synced.head : began;
      if (!(await context.note({ roundHead }))) return { kind: 'not_ours' };
      const moved = await workspace.push(repository, branch);
      if (moved.kind === 'branch_moved') return branchMoved(branch, moved);
      return { kind: 'ready', roundHead, commits: synced.commits, isForAgent: false };
    }
    case 'clone_dirty':
      return { kind: 'ready', roundHead: began, commits: synced.commits, isForAgent: true };
    case 'conflict':
      return {
        kind: 'trouble',
        code: 'forge.conflict',
        reason: `commits by people on ${branch} contradict the task's in ${synced.files.slice(0, 10).join(', ')}; merge them on the branch, then orch retry (${runName(context.run.id)} did not start)`,
      };
    case 'branch_moved':
      return branchMoved(branch, synced);
  }
}

function branchMoved(
  branch: string,
  at: Extract<SyncResult | PushResult, { kind: 'branch_moved' }>,
): PeopleIn {
  return {
    kind: 'trouble',
    code: 'branch.moved',
    reason: `the remote ${branch} was moved away from Orch's commits, to ${at.remote.slice(0, 7)}: nothing is pushed over it`,
  };
}
