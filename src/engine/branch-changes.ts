import type { Changed } from '../core/brief.ts';
import type { Task } from '../core/model.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { Runtime } from './runtime.ts';

/** What the branch of a task changes, from where it left the base; null when that cannot be told. */
export function createBranchChanges(parts: {
  readonly workspace: Pick<Workspace, 'forkFromBase' | 'diff' | 'patch'>;
  readonly runtime: () => Runtime;
}) {
  const { workspace } = parts;

  async function range(task: Task): Promise<{ readonly from: string; readonly to: string } | null> {
    const project = parts.runtime().projects.get(task.project);
    if (project === undefined || task.head === null) return null;
    const from = await workspace.forkFromBase(project.repository, task.head).catch(() => null);
    return from === null ? null : { from, to: task.head };
  }

  return {
    async stat(task: Task): Promise<Changed | null> {
      const of = await range(task);
      const diff = of === null ? null : await workspace.diff(task.project, of.from, of.to).catch(() => null);
      return diff === null ? null : diff.stat;
    },
    async patch(
      task: Task,
      maxBytes: number,
    ): Promise<{ readonly text: string; readonly cut: boolean } | null> {
      const of = await range(task);
      return of === null ? null : workspace.patch(task.project, of.from, of.to, maxBytes).catch(() => null);
    },
  };
}

export type BranchChanges = ReturnType<typeof createBranchChanges>;
