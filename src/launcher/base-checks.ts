import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { failureLines } from '../core/checks.ts';
import { runName } from '../core/model.ts';
import { copyFiles } from '../workspace/copied-files.ts';
import type { Repository, Workspace } from '../workspace/workspace.ts';
import { commandSpec, type Surroundings, setUp } from './project-commands.ts';
import { runStep } from './step.ts';

/** What checks of a project need beside its commands; the context of a stage fits structurally. */
export interface CheckSurroundings extends Surroundings {
  readonly workspace: Surroundings['workspace'] &
    Pick<Workspace, 'baseHead' | 'forkPoint' | 'pathOf' | 'prepare' | 'resetTo'>;
  readonly repository: Repository;
  readonly project: Surroundings['project'] & {
    readonly key: string;
    readonly checks: readonly string[];
    readonly copy: readonly { readonly from: string; readonly to: string }[];
  };
  readonly stage: { readonly checks: readonly string[] | null };
  /** One at a time under one name. */
  readonly exclusive: <T>(name: string, work: () => Promise<T>) => Promise<T>;
}

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
  at: CheckSurroundings,
  roundHead: string,
  command: string,
): Promise<BaseFailure | null> {
  const { workspace, repository, project } = at;
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
  return at.exclusive(`${CLONE}:${project.key}`, async () => {
    const known = await recall(file);
    if (known !== undefined) return known;
    const failure = await failureAt(at, commit, command);
    if (failure === 'unknown') return null;
    await remember(file, failure);
    return failure;
  });
}

async function failureAt(
  at: CheckSurroundings,
  commit: string,
  command: string,
): Promise<BaseFailure | null | 'unknown'> {
  const ready = await cloneAt(at, CLONE, commit);
  if (ready.trouble !== null) return 'unknown';
  const run = async () => runStep(await commandSpec(at, ready.path, 'base-check', command));
  const first = await run();
  if (first.exit.exitCode === 0) return null;
  if (at.signal.aborted) return 'unknown';
  const second = await run();
  if (second.exit.exitCode === 0) return null;
  const { exitCode } = second.exit;
  return exitCode === null ? 'unknown' : { exitCode, lines: [...failureLines(second.outputTail)] };
}

/** A clone of Orch's own at a commit, set up; nobody works there, so nothing of it is kept. */
export async function cloneAt(
  at: CheckSurroundings,
  key: string,
  commit: string,
): Promise<{ path: string; trouble: string | null }> {
  const { workspace, repository, project } = at;
  const clone = await workspace.prepare(repository, { key, branch: null, startPoint: commit });
  await workspace.resetTo(repository, {
    key,
    branch: null,
    run: runName(at.run.id),
    head: commit,
    copied: project.copy.map((each) => each.to),
    disposable: true,
  });
  await copyFiles(project.copy, clone.path);
  return { path: clone.path, trouble: (await setUp(at, clone))?.text ?? null };
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
