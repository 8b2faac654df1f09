import { changedScripts, countTestCases, filesThatDefine } from '../../core/checks.ts';
import { isTestFile } from '../../core/evidence.ts';
import type { CloneStatus } from '../../workspace/workspace.ts';
import type { StageContext } from '../stage.ts';
import { keyOf } from './context-facts.ts';

/**
 * What a change did to its own proof: a check it redefined, or tests it took away; null when nothing.
 * What a person was asked about and answered, naming the file, is theirs to allow.
 */
export async function tampering(
  context: StageContext,
  status: CloneStatus,
  roundHead: string,
): Promise<string | null> {
  const { workspace, project } = context;
  const asked = context.job.context.answered.join('\n');
  const changed = status.changedPaths.filter((path) => !asked.includes(path));
  const checks = context.stage.checks ?? context.project.checks;
  const { scripts, manifests } = filesThatDefine(checks);
  const suspects = changed.filter(
    (path) => isTestFile(path) || scripts.includes(path) || manifests.includes(path),
  );
  if (suspects.length === 0) return null;
  const before = await workspace.readFilesAt(context.repository, roundHead, suspects);
  const now = async (path: string) =>
    (await workspace.readFromClone(project.key, keyOf(context), path)) ?? '';
  const names = checks.map((check) => `\`${check}\``).join(', ');
  for (const path of suspects) {
    const old = before.get(path);
    if (old === undefined) continue;
    if (scripts.includes(path) && !isTestFile(path))
      return `${path} was changed, which a check runs (${names})`;
    const redefined = manifests.includes(path) ? changedScripts(old, await now(path)) : [];
    if (redefined.length > 0)
      return `${path} was changed in its ${redefined.map((name) => `"${name}"`).join(', ')} script, which a check may run (${names})`;
  }
  return testsTaken(suspects.filter(isTestFile), before, now);
}

async function testsTaken(
  paths: readonly string[],
  before: ReadonlyMap<string, string>,
  now: (path: string) => Promise<string>,
): Promise<string | null> {
  const counts = await Promise.all(
    paths.map(async (path) => ({
      path,
      before: countTestCases(before.get(path) ?? ''),
      now: countTestCases(await now(path)),
    })),
  );
  const lost = counts.reduce((sum, each) => sum + each.before - each.now, 0);
  if (lost <= 0) return null;
  const shown = counts
    .filter((each) => each.now < each.before)
    .map((each) => `${each.path} (${each.before} before, ${each.now} now)`);
  return `${lost} test ${lost === 1 ? 'case was' : 'cases were'} taken away: ${shown.slice(0, 5).join(', ')}`;
}
