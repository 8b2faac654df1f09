import { runName } from '../../core/model.ts';
import type { StageContext } from '../stage.ts';
import { copied, keyOf } from './context-facts.ts';

/** The base as it was brought in for a conflict round. */
export interface BaseIn {
  /** Where the round begins: what comes from the base is not the agent's work. */
  readonly roundHead: string;
  /** Files in which both sides contradict each other, with git's marks. */
  readonly files: readonly string[];
}

/**
 * Brings the base into the clone of a conflict round, as far as it goes, and notes it as the beginning of the
 * round; null when the round is about something else, or the branch holds the base already. What lay in the
 * clone between two rounds counts for nothing, and is kept. `not_ours`: the claim is no longer this attempt's.
 */
export async function bringBaseIn(
  context: StageContext,
  roundHead: string,
): Promise<BaseIn | null | 'not_ours'> {
  const { workspace, repository, job, run } = context;
  if (job.context.conflict === null) return null;
  const request = { key: keyOf(context), branch: job.branch, since: roundHead };
  let join = await workspace.joinBase(repository, request);
  const head = await workspace.branchHead(context.project.key, job.branch);
  if (join.kind === 'clone_dirty' && head !== null) {
    await workspace.resetTo(repository, {
      ...{ key: keyOf(context), branch: job.branch, run: runName(run.id), head, copied: copied(context) },
    });
    join = await workspace.joinBase(repository, request);
  }
  if (join.kind !== 'joined') return null;
  if (join.commit !== roundHead && !(await context.note({ roundHead: join.commit }))) return 'not_ours';
  return { roundHead: join.commit, files: join.files };
}

const MARK = /^(?:<{7}|>{7}|\|{7})(?: |$)/m;

/** Files in which git's marks are left; null when the round is about no conflict. */
export async function unresolved(context: StageContext, roundHead: string): Promise<string[] | null> {
  const { workspace, repository, job, project } = context;
  if (job.context.conflict === null) return null;
  const { files } = await workspace.joinFacts(repository, { branch: job.branch, joined: roundHead });
  const left: string[] = [];
  for (const file of files)
    if (MARK.test((await workspace.readFromClone(project.key, keyOf(context), file)) ?? '')) left.push(file);
  return left;
}
