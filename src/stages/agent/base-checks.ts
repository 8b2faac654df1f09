import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { failureLines } from '../../core/checks.ts';
import { runName } from '../../core/model.ts';
import { setUp } from '../../launcher/project-commands.ts';
import { runStep } from '../../launcher/step.ts';
import { copyFiles } from '../../workspace/copied-files.ts';
import type { StageContext } from '../stage.ts';
import { stepOf } from './context-facts.ts';

/** The clone in which a project's checks run on its base; nobody works there. */
const CLONE = 'base-checks';

/** How a check fails there: its exit code, and its failure lines. */
const baseFailure = z.object({ exitCode: z.number(), lines: z.array(z.string()) });
export type BaseFailure = z.infer<typeof baseFailure>;
const remembered = z.object({ failure: baseFailure.nullable() });

/**
 * How a check fails on the commit that the task's branch started from; null when it is green there, or
 * when that cannot be told (then no failure counts as known). The answer is kept per commit, command
 * and setup. Safe to repeat.
 */
export async function failureOnBase(
  context: StageContext,
  roundHead: string,
  command: string,
): Promise<BaseFailure | null> {
  const { workspace, repository, project } = context;
  const base = await workspace.baseHead(repository);
  const commit = await workspace.forkPoint(project.key, roundHead, base);
  if (commit === null) return null;
  const file = join(
    dirname(workspace.pathOf(project.key, CLONE)),
    '.base-checks',
    `${createHash('sha256')
      .update(JSON.stringify([commit, command, project.setup, project.env]))
      .digest('hex')}.json`,
  );
  return context.exclusive(`${CLONE}:${project.key}`, async () => {
    const known = await recall(file);
    if (known !== undefined) return known;
    const failure = await failureAt(context, commit, command);
    if (failure === 'unknown') return null;
    await remember(file, failure);
    return failure;
  });
}

async function failureAt(
  context: StageContext,
  commit: string,
  command: string,
): Promise<BaseFailure | null | 'unknown'> {
  const { workspace, repository, project } = context;
  const clone = await workspace.prepare(repository, { key: CLONE, branch: null, startPoint: commit });
  await workspace.resetTo(repository, {
    key: CLONE,
    branch: null,
    run: runName(context.run.id),
    head: commit,
    copied: project.copy.map((each) => each.to),
    disposable: true,
  });
  await copyFiles(project.copy, clone.path);
  if ((await setUp(context, clone)) !== null) return 'unknown';
  const run = async () => runStep(await stepOf(context, clone.path, 'base-check', command));
  const first = await run();
  if (first.exit.exitCode === 0) return null;
  if (context.signal.aborted) return 'unknown';
  const second = await run();
  if (second.exit.exitCode === 0) return null;
  const { exitCode } = second.exit;
  return exitCode === null ? 'unknown' : { exitCode, lines: [...failureLines(second.outputTail)] };
}

async function recall(file: string): Promise<BaseFailure | null | undefined> {
  const text = await readFile(file, 'utf8').catch(() => null); // not asked yet
  if (text === null) return undefined;
  try {
    return remembered.parse(JSON.parse(text)).failure;
  } catch {
    return undefined; // half-written by an older version: asked again
  }
}

async function remember(file: string, failure: BaseFailure | null): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(`${file}.part`, JSON.stringify({ failure }), { mode: 0o600 });
  await rename(`${file}.part`, file);
}
