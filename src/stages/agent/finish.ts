import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, messageOf } from '../../core/errors.ts';
import { type CheckResult, judgeEvidence, type StageOutcome } from '../../core/evidence.ts';
import type { Judgement, ProcessEnd } from '../../core/failure.ts';
import { runName } from '../../core/model.ts';
import { runStep } from '../../launcher/step.ts';
import type { StageContext, StageResult } from '../stage.ts';
import { accountOf, copied, keyOf, stepOf } from './context-facts.ts';
import { collectHandIn } from './hand-in.ts';
import { setUpAgain } from './setup.ts';

/** Judges an ended run, takes its work and looks for the evidence. Safe to repeat after a crash. */
export async function finish(
  context: StageContext,
  end: ProcessEnd & { startedAt?: number },
  roundHead: string | null,
): Promise<StageResult> {
  const { workspace, repository, task, run } = context;
  const judgement = await accountOf(context).agent.judge({
    stdoutPath: join(run.directory, 'run.log'),
    stderrPath: join(run.directory, 'stderr.log'),
    end,
    startedAt: run.startedAt,
    timeZone: 'UTC',
  });
  const result: StageResult = {
    judgement,
    end,
    outcome: null,
    head: null,
    pr: null,
    finalCode: null,
    ran: true,
  };
  const key = keyOf(context);
  if (task !== null) await workspace.saveWork(repository, key).catch(() => undefined); // a tampered folder must not cost the run its verdict
  if (judgement.verdict !== 'success') return { ...result, judgement: await salvaged(context, judgement) };
  if (roundHead === null)
    return refuse(result, 'where the round began is not known, so nothing can be measured');
  return weigh(context, result, roundHead).catch((error: unknown) => notTaken(result, error));
}

/** Looks for the evidence of a run that ended well, and takes its work. */
async function weigh(context: StageContext, result: StageResult, roundHead: string): Promise<StageResult> {
  const { workspace, repository, job, task, run } = context;
  const { judgement } = result;
  const key = keyOf(context);
  const status = await workspace.status(repository, { key, since: roundHead, copied: copied(context) });
  const observed = {
    stage: context.stage.stage,
    role: job.agent ?? 'developer',
    ...(task === null
      ? { handIn: null, handInProblem: null, documents: {}, criteria: [], requirements: [] }
      : await collectHandIn(context, judgement.structured)),
    changed: status.changedPaths,
    checks: [] as CheckResult[],
  };
  // First the evidence that costs nothing; the project's own checks run only on work that may count.
  const first = task === null ? ADVANCE : judgeEvidence(observed);
  const checks =
    task !== null && first.kind === 'advance' && context.stage.tools === 'write'
      ? await runChecks(context, status.path)
      : [];
  const outcome = task === null ? null : checks.length === 0 ? first : judgeEvidence({ ...observed, checks });
  if (context.signal.aborted)
    return {
      ...result,
      judgement: {
        ...judgement,
        verdict: 'cancelled',
        reason: 'stopped while the work was checked',
        rule: 'orch.stopped',
      },
    };
  if (outcome !== null && outcome.kind === 'no_evidence') {
    const kept = await salvaged(context, judgement);
    if (context.stage.tools === 'read' && status.changedPaths.length > 0)
      await workspace.resetTo(repository, {
        key,
        branch: job.branch,
        run: runName(run.id),
        head: roundHead,
        copied: copied(context),
      });
    return { ...result, judgement: kept, outcome };
  }
  if (context.stage.tools === 'read' && task !== null) return { ...result, outcome };
  return take(context, { ...result, outcome }, roundHead);
}

/** Keeps the work of a run that does not count. Failing to leaves it in the clone, and says so beside the verdict. */
async function salvaged(context: StageContext, judgement: Judgement): Promise<Judgement> {
  const request = { key: keyOf(context), run: runName(context.run.id), copied: copied(context) };
  try {
    await context.workspace.salvage(context.repository, request);
    return judgement;
  } catch (error) {
    return {
      ...judgement,
      reason: `${judgement.reason} (the work stays in the worktree, it could not be salvaged: ${messageOf(error)})`,
    };
  }
}

/**
 * The agent did its part, the repository did not: what was spent is kept, the account learns nothing from it,
 * and where the repository refuses a person is asked rather than the agent run again.
 */
function notTaken(result: StageResult, error: unknown): StageResult {
  const code = error instanceof AppError ? error.code : 'orch.internal';
  const judgement: Judgement = {
    ...result.judgement,
    verdict: PASSING_TROUBLES.has(code) ? 'transient' : 'permanent',
    reason: `the work could not be taken: ${messageOf(error)}`,
    rule: code,
  };
  return {
    ...result,
    judgement,
    outcome: null,
    finalCode: code === 'workspace.push_rejected' ? 'forge.refused' : null,
    ran: false,
  };
}

/** Troubles with a remote that mostly pass by themselves. */
const PASSING_TROUBLES = new Set([
  'workspace.push_failed',
  'workspace.fetch_failed',
  'workspace.git_timeout',
]);
const PUSH_DELAYS_MS = [1000, 5000, 15_000];

const ADVANCE: StageOutcome = { kind: 'advance', noChange: false };

async function runChecks(context: StageContext, cwd: string): Promise<CheckResult[]> {
  const results: CheckResult[] = await setUpAgain(context, cwd);
  if (results.length > 0) return results;
  for (const [i, command] of (context.stage.checks ?? context.project.checks).entries()) {
    const { exit, outputTail } = await runStep(await stepOf(context, cwd, `check-${i + 1}`, command));
    results.push({ command, exitCode: exit.exitCode, output: outputTail });
    if (exit.exitCode !== 0) break;
  }
  return results;
}

/** Commits what is left, pushes the branch; nothing new means no commit and no push. */
async function take(context: StageContext, result: StageResult, roundHead: string): Promise<StageResult> {
  const { workspace, repository, job, task, run } = context;
  const taken = await workspace.take(repository, {
    key: keyOf(context),
    branch: job.branch,
    run: runName(run.id),
    since: roundHead,
    message: `${task === null ? `Job ${job.id}` : `${task.key}: ${task.title}`}\n\n${context.stage.stage} by ${job.agent ?? 'agent'}, ${runName(run.id)}.`,
    copied: copied(context),
  });
  switch (taken.kind) {
    case 'unchanged':
      return result;
    case 'branch_switched':
      return refuse(
        result,
        `no evidence: the clone is on ${taken.found ?? 'a detached HEAD'}, not on ${job.branch}`,
      );
    case 'diverged':
      return refuse(result, 'no evidence: the history of the branch was rewritten');
    case 'unfinished':
      return refuse(result, `no evidence: a ${taken.operation} was left unfinished`);
    case 'refused':
      return refuse(result, `no evidence: git refused the commits: ${taken.reason}`);
    case 'taken':
      return push(context, { ...result, head: taken.head });
  }
}

async function push(context: StageContext, result: StageResult): Promise<StageResult> {
  const { workspace, repository, job } = context;
  const pushed = await patiently(() => workspace.push(repository, job.branch));
  if (pushed.kind === 'pushed' || pushed.kind === 'up_to_date') return { ...result, head: pushed.head };
  if (pushed.kind === 'people') {
    const synced = await workspace.syncBranch(repository, { key: keyOf(context), branch: job.branch });
    const again = await workspace.push(repository, job.branch);
    if (again.kind === 'pushed' || again.kind === 'up_to_date') return { ...result, head: again.head };
    return refuse(
      result,
      `branch.moved: commits by people on ${job.branch} could not be merged in (${synced.kind})`,
    );
  }
  return refuse(result, `branch.moved: the remote ${job.branch} was moved away from Orch's commits`);
}

/** A push that fails for a passing trouble is tried again here: the agent's work is done and paid for. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (const delayMs of PUSH_DELAYS_MS) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof AppError) || !PASSING_TROUBLES.has(error.code)) throw error;
      await sleep(delayMs);
    }
  }
  return work();
}

function refuse(result: StageResult, reason: string): StageResult {
  return {
    ...result,
    judgement: { ...result.judgement, verdict: 'permanent', reason, rule: 'orch.evidence' },
    outcome: null,
  };
}
