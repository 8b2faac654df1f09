import type { Task } from '../../core/model.ts';
import { cloneAt } from '../../launcher/base-checks.ts';
import { runChecks } from '../../launcher/project-checks.ts';
import type { StageContext, StageResult } from '../stage.ts';
import { messageOf } from './pull-request.ts';
import { conflictRound, sentBack, stopped } from './results.ts';

/** The clone in which a merge is checked before it is made; nobody works there. */
const MERGE_CLONE = 'merge-checks';
const SHOWN_OUTPUT = 4000;

/**
 * Checks what the base will be, unless exactly that was checked already: another change may have come
 * in between, and two that are right alone can be wrong together. Red goes back with the output.
 */
export async function checkMerge(
  context: StageContext,
  task: Task,
  head: string,
): Promise<
  | { readonly kind: 'checked' /** What it may be merged into. */; readonly base: string }
  | { readonly kind: 'not'; readonly result: StageResult }
> {
  const { workspace, repository, project } = context;
  const preview = await workspace.previewMerge(repository, {
    branch: task.branch,
    head,
    message: messageOf(task),
  });
  const not = (result: StageResult) => ({ kind: 'not', result }) as const;
  if (preview.kind === 'conflict') return not(conflictRound(project.base, preview.files, head));
  const { base } = preview;
  const checked = { kind: 'checked', base } as const;
  if ((context.stage.checks ?? project.checks).length === 0) return checked;
  if (task.checked?.head === head && (await workspace.isAncestor(project.key, base, head))) return checked;
  return context.exclusive(`${MERGE_CLONE}:${project.key}`, async () => {
    const ready = await cloneAt(context, MERGE_CLONE, preview.commit);
    if (context.signal.aborted) return not(stopped());
    if (ready.trouble !== null) return not(red(head, 'setup failed on the merge', ready.trouble));
    const checks = await runChecks(context, ready.path, base);
    if (context.signal.aborted) return not(stopped());
    const failed = checks.find((check) => check.state === 'red' || check.state === 'no_tests');
    if (failed === undefined) return checked;
    return not(red(head, `check failed on the merge with ${project.base}: ${failed.command}`, failed.output));
  });
}

function red(head: string, title: string, output: string): StageResult {
  const detail = output.slice(-SHOWN_OUTPUT);
  return sentBack(head, [{ severity: 'high', file: null, line: null, title, detail }]);
}
