import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../core/errors.ts';
import { runName } from '../core/model.ts';
import type { Repository, Workspace } from '../workspace/workspace.ts';
import type { CommandSpec, ExitRecord } from './launcher.ts';
import { runStep } from './step.ts';

/** What the commands of a project run with. The context of a stage fits structurally. */
export interface Surroundings {
  readonly workspace: Pick<Workspace, 'variables' | 'lockfiles' | 'salvage' | 'remove'>;
  readonly project: {
    readonly setup: readonly string[];
    readonly teardown: readonly string[];
    readonly env: Readonly<Record<string, string>>;
  };
  readonly baseEnv: Readonly<Record<string, string>>;
  /** Commands keep their output in its directory, and its name is their `ORCH_RUN_ID`. */
  readonly run: { readonly id: number; readonly directory: string };
  readonly signal: AbortSignal;
}

/** A setup or check command may take so long; a stage's command has the stage's limit. */
const STEP_TIMEOUT_MS = 30 * 60 * 1000;
/** Nobody waits for a teardown, but its worktree goes only after it. */
const TEARDOWN_TIMEOUT_MS = 10 * 60 * 1000;
const SHOWN_OUTPUT = 4000;
/** Begins the note of a worktree whose setup failed after a run. */
const LEFT = 'failed ';

/**
 * A command of the project in one of its worktrees, under the attempt's run directory and limits. The
 * variables of the worktree win over those of the project: a shared port would be two tasks' port.
 */
export async function commandSpec(
  at: Surroundings,
  worktree: string,
  name: string,
  command: string,
  timeoutMs = STEP_TIMEOUT_MS,
): Promise<CommandSpec> {
  return {
    command,
    cwd: worktree,
    env: { ...at.baseEnv, ...at.project.env, ...(await at.workspace.variables(worktree)) },
    timeoutMs,
    directory: join(at.run.directory, name),
    runId: runName(at.run.id),
    isolation: 'auto',
    signal: at.signal,
  };
}

/** The command that failed, and how; `text` says it in full, its output last. */
export interface FailedCommand {
  readonly command: string;
  readonly exit: ExitRecord;
  readonly output: string;
  readonly text: string;
}

/** A setup that failed. */
export interface FailedSetup extends FailedCommand {
  /** An earlier run left the lockfiles as they are, and was told: the next one is to mend them, not a person. */
  readonly left: boolean;
}

/**
 * Runs the project's setup in a worktree: once, and again when a setup command or a lockfile changed.
 * What was set up is noted beside the worktree, after the last command succeeded, so a failed or
 * interrupted setup runs again. The note is of the lockfiles as the setup left them: an install that
 * rewrites its lockfile is not repeated for that. Returns null, or what failed. `afterRun`: a failure is
 * noted as that of the run that just ended.
 */
export async function setUp(
  at: Surroundings,
  worktree: { readonly path: string; readonly created: boolean },
  { afterRun = false } = {},
): Promise<FailedSetup | null> {
  const commands = at.project.setup;
  if (commands.length === 0) return null;
  const { path } = worktree;
  const note = noteOf(path);
  if (worktree.created) await rm(note, { force: true });
  const noted = await readFile(note, 'utf8').catch(() => ''); // not set up yet
  const state = await stateOf(at, path);
  if (noted === state) return null;
  const [failed] = await runAll(at, path, 'setup', commands);
  const now = await stateOf(at, path);
  if (failed === undefined || afterRun)
    await writeFile(note, failed === undefined ? now : `${LEFT}${now}`, { mode: 0o600 });
  return failed === undefined ? null : { ...failed, left: noted === `${LEFT}${state}` };
}

/**
 * Removes a worktree: what exists only there is salvaged, the project's teardown runs, then it goes and
 * its slot is free. What failed in the teardown is returned and keeps nothing from going. Throws when
 * the salvage fails or the signal aborts; then the worktree stays. Safe to repeat.
 */
export async function leaveWorktree(
  at: Surroundings,
  repository: Repository,
  worktree: { readonly key: string; readonly path: string; readonly copied: readonly string[] },
): Promise<{ readonly failed: readonly string[]; readonly salvaged: readonly string[] }> {
  const request = { key: worktree.key, run: runName(at.run.id), copied: worktree.copied };
  const before = await at.workspace.salvage(repository, request);
  const failed = await tearDown(at, worktree.path);
  at.signal.throwIfAborted();
  const { salvaged } = await at.workspace.remove(repository, request);
  await rm(noteOf(worktree.path), { force: true });
  const refs = [before, salvaged].flatMap((each) => (each === null ? [] : [each.ref]));
  return { failed, salvaged: [...new Set(refs)] };
}

/** Runs every teardown command, whatever became of those before it; what failed, in words. */
export async function tearDown(at: Surroundings, path: string): Promise<readonly string[]> {
  try {
    const failed = await runAll(at, path, 'teardown', at.project.teardown, { all: true });
    return failed.map(({ text }) => text);
  } catch (error) {
    return [`teardown failed: ${messageOf(error)}`];
  }
}

/** In order, up to the first that fails unless `all` are meant. */
async function runAll(
  at: Surroundings,
  path: string,
  what: 'setup' | 'teardown',
  commands: readonly string[],
  { all = false } = {},
): Promise<FailedCommand[]> {
  const failed: FailedCommand[] = [];
  for (const [i, command] of commands.entries()) {
    const limit = what === 'teardown' ? TEARDOWN_TIMEOUT_MS : STEP_TIMEOUT_MS;
    const { exit, outputTail } = await runStep(
      await commandSpec(at, path, `${what}-${i + 1}`, command, limit),
    );
    if (exit.exitCode === 0) continue;
    const output = outputTail.slice(-SHOWN_OUTPUT);
    const how = exit.stoppedBy === 'timeout' ? 'time limit' : (exit.exitCode ?? exit.signal ?? 'none');
    failed.push({ command, exit, output, text: `${what} failed: ${command} (exit ${how})\n${output}` });
    if (!all) return failed;
  }
  return failed;
}

/** Lies beside the worktree, where no agent works. */
function noteOf(path: string): string {
  return `${path}.setup`;
}

async function stateOf(at: Surroundings, path: string): Promise<string> {
  const commands = JSON.stringify(at.project.setup);
  return createHash('sha256')
    .update(`${commands}\n${await at.workspace.lockfiles(path)}`)
    .digest('hex');
}
