import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { AppError } from '../../core/errors.ts';
import { type CheckResult, judgeEvidence, type StageOutcome } from '../../core/evidence.ts';
import { notRun, type ProcessEnd } from '../../core/failure.ts';
import { runName } from '../../core/model.ts';
import { adopt, launch } from '../../launcher/launcher.ts';
import { runStep } from '../../launcher/step.ts';
import type { StageContext, StageKind, StageResult } from '../stage.ts';
import { collectHandIn } from './hand-in.ts';
import { renderPrompt, resumeLine } from './prompt.ts';
import { setUp } from './setup.ts';
import { stepOf } from './step-of.ts';

const GRACE_MS = 5000;

/** A stage done by a coding-agent CLI in the task's own clone. */
export const agentStage: StageKind = {
  kind: 'agent',

  async start(context) {
    const account = accountOf(context);
    const worktree = await prepare(context);
    const trouble = await setUp(context, worktree);
    if (context.signal.aborted) return stopped();
    if (trouble !== null) return setupFailed(trouble);
    const roundHead = context.job.context.roundHead ?? worktree.head;
    const session = await sessionOf(context);
    const instructions = await context.workspace.readInstructions(context.repository);
    const prompt = session.resume ? resumeLine(context) : renderPrompt(context);
    const invocation = account.agent.invocation({
      account: account.account,
      runId: runName(context.run.id),
      worktree: worktree.path,
      prompt,
      instructions: instructions.text,
      session,
      tools: context.stage.tools,
      bypassPermissions: context.stage.permission === 'bypass' && account.unsafe,
      ...(context.stage.model === null ? {} : { model: context.stage.model }),
      ...(context.stage.fallbackModel === null ? {} : { fallbackModel: context.stage.fallbackModel }),
      ...(context.stage.effort === null ? {} : { effort: context.stage.effort }),
    });
    if (context.signal.aborted) return stopped();
    const live = await launch({
      runId: runName(context.run.id),
      directory: context.run.directory,
      argv: invocation.argv,
      cwd: worktree.path,
      env: {
        ...context.baseEnv,
        ...context.project.env,
        ...invocation.env,
      },
      stdin: invocation.stdin,
      timeoutMs: context.limits.timeoutMs,
      stallMs: context.limits.stallMs,
      graceMs: GRACE_MS,
      isolation: account.isolation,
      about: {
        instructions: instructions.files,
        instructionsCommit: instructions.commit,
        session,
        tools: context.stage.tools,
      },
    });
    context.watch(live);
    const ours = await context.note({
      pid: live.pid,
      cliKind: account.agent.kind,
      ...(account.cliVersion === null ? {} : { cliVersion: account.cliVersion }),
      sessionId: session.id,
      roundHead,
    });
    if (!ours) await live.stop('outside', { now: true });
    return finish(context, await live.ended, roundHead);
  },

  async adopt(context) {
    const found = await adopt(context.run.directory);
    const roundHead = context.job.context.roundHead;
    if (found.kind === 'gone') {
      const end: ProcessEnd = { exitCode: null, signal: null, stoppedBy: null, vanished: true };
      return {
        judgement: notRun('lost', 'the run was not there any more when Orch came back', 'orch.gone'),
        end,
        outcome: null,
        head: null,
        pr: null,
        finalCode: null,
        ran: false,
      };
    }
    if (found.kind === 'live') context.watch(found.run);
    const end = found.kind === 'live' ? await found.run.ended : found.exit;
    // The crash came between the start and the note of where the round began: it began at the branch.
    return finish(
      context,
      end,
      roundHead ?? (await context.workspace.branchHead(context.project.key, context.job.branch)),
    );
  },
};

/** The last attempt's session when it is to go on and still can; else a new one, told everything anew. */
async function sessionOf(context: StageContext): Promise<{ id: string; resume: boolean }> {
  const { agent, account } = accountOf(context);
  const { resume, sessionId } = context.job.context;
  if (resume && sessionId !== null && (await agent.canResume(account, sessionId)))
    return { id: sessionId, resume };
  return { id: randomUUID(), resume: false };
}

/** The workspace is a person's to mend: no token is spent and no further attempt made. */
function setupFailed(reason: string): StageResult {
  return {
    ...stopped(),
    judgement: notRun('permanent', reason, 'workspace.setup_failed'),
    end: { exitCode: null, signal: null, stoppedBy: null, vanished: false },
    finalCode: 'workspace.setup_failed',
  };
}

function stopped(): StageResult {
  return {
    judgement: notRun('cancelled', 'stopped before the agent was started', 'orch.stopped'),
    end: { exitCode: null, signal: null, stoppedBy: 'cancel', vanished: false },
    outcome: null,
    head: null,
    pr: null,
    finalCode: null,
    ran: false,
  };
}

function accountOf(context: StageContext) {
  if (context.account !== null) return context.account;
  throw new AppError(`account ${context.run.account ?? ''} is not in the configuration`, {
    code: 'account.unknown',
    hint: 'add it to orch.yaml',
  });
}

function keyOf(context: StageContext): string {
  return context.task?.key ?? `job-${context.job.id}`;
}

function copied(context: StageContext): readonly string[] {
  return context.project.copy.map((each) => each.to);
}

/** The clone with the task's branch and its hand-in folder. */
async function prepare(context: StageContext): Promise<{ path: string; head: string; created: boolean }> {
  const { workspace, repository } = context;
  const clone = await workspace.prepare(repository, { key: keyOf(context), branch: context.job.branch });
  await workspace.restoreWork(repository, keyOf(context));
  return clone;
}

/** Judges an ended run, takes its work and looks for the evidence. Safe to repeat after a crash. */
async function finish(
  context: StageContext,
  end: ProcessEnd & { startedAt?: number },
  roundHead: string | null,
): Promise<StageResult> {
  const { workspace, repository, job, task, run } = context;
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
  if (judgement.verdict !== 'success' || roundHead === null) {
    await workspace.salvage(repository, { key, run: runName(run.id), copied: copied(context) });
    return result;
  }
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
    await workspace.salvage(repository, { key, run: runName(run.id), copied: copied(context) });
    if (context.stage.tools === 'read' && status.changedPaths.length > 0)
      await workspace.resetTo(repository, {
        key,
        branch: job.branch,
        run: runName(run.id),
        head: roundHead,
        copied: copied(context),
      });
    return { ...result, outcome };
  }
  if (context.stage.tools === 'read' && task !== null) return { ...result, outcome };
  return take(context, { ...result, outcome }, roundHead);
}

const ADVANCE: StageOutcome = { kind: 'advance', noChange: false };

async function runChecks(context: StageContext, cwd: string): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const [i, command] of (context.stage.checks ?? context.project.checks).entries()) {
    const { exit, outputTail } = await runStep(stepOf(context, cwd, `check-${i + 1}`, command));
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
  const pushed = await workspace.push(repository, job.branch);
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

function refuse(result: StageResult, reason: string): StageResult {
  return {
    ...result,
    judgement: { ...result.judgement, verdict: 'permanent', reason, rule: 'orch.evidence' },
    outcome: null,
  };
}
