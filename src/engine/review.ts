import type { Task } from '../core/model.ts';
import { type Risk, riskOf } from '../core/risk.ts';
import type { Store } from '../store/store.ts';
import type { Commit, Diff, Workspace } from '../workspace/workspace.ts';
import type { Runtime } from './runtime.ts';

/** What a task changes, for a person who looks before deciding. */
export interface Changes {
  /** Where its branch left the base; null when that cannot be told. */
  readonly from: string | null;
  /** Head that Orch last took; null before the first commit. */
  readonly head: string | null;
  readonly files: readonly (Diff['files'][number] & { readonly risk: Risk | null })[];
  readonly stat: Diff['stat'];
  readonly commits: readonly Commit[];
  readonly patch: string;
  /** The patch is longer than what is shown. */
  readonly isCut: boolean;
  /** What a live run has in its worktree beyond the head; null when none runs. */
  readonly work: { readonly patch: string; readonly isCut: boolean } | null;
}

const NOTHING: Diff['stat'] = { files: 0, added: 0, deleted: 0 };

export function createReview({
  store,
  workspace,
  runtime,
}: {
  readonly store: Store;
  readonly workspace: Workspace;
  readonly runtime: () => Runtime;
}) {
  return {
    async changes(task: Task): Promise<Changes> {
      const repository = runtime().projects.get(task.project)?.repository;
      if (repository === undefined) return { ...none(task), work: null };
      const base = await workspace.baseHead(repository);
      const live = (await store.running()).some(({ job }) => job.taskId === task.id);
      const work = live
        ? // A clone that is being made or taken away has no patch: the committed part is shown all the same.
          await workspace.patchOfClone(repository, { key: task.key, since: task.head ?? base }).then(
            ({ text, cut }) => ({ patch: text, isCut: cut }),
            () => null,
          )
        : null;
      const from = task.head === null ? null : await workspace.forkPoint(task.project, base, task.head);
      if (task.head === null || from === null) return { ...none(task), work };
      const [diff, patch, commits] = await Promise.all([
        workspace.diff(task.project, from, task.head),
        workspace.patch(task.project, from, task.head),
        workspace.commitsBetween(task.project, from, task.head),
      ]);
      return {
        from,
        head: task.head,
        files: diff.files.map((file) => ({ ...file, risk: riskOf(file.path) ?? riskOf(file.from ?? '') })),
        stat: diff.stat,
        commits,
        patch: patch.text,
        isCut: patch.cut,
        work,
      };
    },
  };
}

function none(task: Task): Omit<Changes, 'work'> {
  return { from: null, head: task.head, files: [], stat: NOTHING, commits: [], patch: '', isCut: false };
}
