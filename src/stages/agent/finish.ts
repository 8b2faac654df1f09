import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CheckResult, countOf } from '../../core/checks.ts';
import type { RoundFacts } from '../../core/convergence.ts';
import { AppError, messageOf } from '../../core/errors.ts';
import { judgeEvidence, type StageOutcome, toldOfChecks } from '../../core/evidence.ts';
import type { Judgement, ProcessEnd } from '../../core/failure.ts';
import { type Finding, runName } from '../../core/model.ts';
import type { TraceMatrix } from '../../core/trace.ts';
import { runChecks } from '../../launcher/project-checks.ts';
import type { StageContext, StageResult } from '../stage.ts';
import { putArtefacts } from './artefacts.ts';
import { unresolved } from './base-in.ts';
import { accountOf, copied, keyOf } from './context-facts.ts';
import { collectHandIn } from './hand-in.ts';
import { setUpAgain } from './setup.ts';
import { tampering } from './tampering.ts';
import { clearReports, proveTrace } from './trace.ts';

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
  const { workspace, repository, task, project } = context;
  const { judgement } = result;
  if (task === null) return take(context, result, roundHead);
  const { outcome, trace, checks } = await lookAt(context, judgement, roundHead);
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
  if (outcome.kind === 'no_evidence') return refused(context, { ...result, outcome }, roundHead);
  const isReading = context.stage.tools === 'read';
  const isUnchanged = outcome.kind === 'advance' && outcome.noChange !== null;
  const told = toldOfChecks(checks);
  const weighed = {
    ...result,
    trace,
    checked: outcome.kind === 'advance' && !isReading ? countOf(checks) : null,
    outcome: await withFacts(context, outcome, roundHead, told),
    judgement: told === '' ? judgement : { ...judgement, reason: `${judgement.reason} (${told})` },
  };
  // A branch that holds nothing yet has no head to speak of, and gets no documents alone.
  const base = isReading ? await workspace.baseHead(repository) : null;
  if (base !== null && (await workspace.isAncestor(project.key, roundHead, base))) return weighed;
  const current = isReading ? { ...weighed, head: roundHead } : weighed;
  if (project.artefacts === 'branch' && !isUnchanged) await putArtefacts(context);
  else if (isReading) return current;
  return take(context, current, roundHead);
}

/** What the run came to, by what is there: first what costs nothing, then the checks, then the proofs. */
async function lookAt(
  context: StageContext,
  judgement: Judgement,
  roundHead: string,
): Promise<{
  outcome: StageOutcome;
  trace: TraceMatrix | null;
  checks: readonly CheckResult[];
}> {
  const { workspace, repository, stage } = context;
  const measure = () =>
    workspace.status(repository, { key: keyOf(context), since: roundHead, copied: copied(context) });
  const status = await measure();
  const observed = {
    stage: stage.stage,
    role: context.job.agent ?? 'developer',
    ...(await collectHandIn(context, judgement.structured)),
    changed: status.changedPaths,
    checks: [] as CheckResult[],
    tampering: null as string | null,
    unresolved: await unresolved(context, roundHead),
  };
  let outcome = judgeEvidence(observed);
  await clearReports(context, status.path);
  if (outcome.kind === 'advance' && stage.tools === 'write') {
    observed.tampering = await tampering(context, status, roundHead);
    if (observed.tampering === null) observed.checks = await checksOf(context, status.path, roundHead);
    outcome = judgeEvidence(observed);
  }
  const proof = await proveTrace(context, status, observed.trace, roundHead, outcome);
  outcome = proof.outcome;
  if (outcome.kind === 'advance' && stage.tools === 'write') {
    // Checks and commands may have changed files: what is taken is what counts.
    const after = await measure();
    const changed = after.changedPaths;
    outcome = judgeEvidence({ ...observed, changed, tampering: await tampering(context, after, roundHead) });
  }
  return { outcome, trace: proof.trace, checks: observed.checks };
}

/** Findings are measured against their round; who judges the work is told what its checks left open. */
async function withFacts(
  context: StageContext,
  outcome: StageOutcome,
  roundHead: string,
  told: string,
): Promise<StageOutcome> {
  if (outcome.kind === 'send_back')
    return { ...outcome, facts: await roundFacts(context, roundHead, outcome.findings) };
  if (outcome.kind !== 'advance' || told === '') return outcome;
  return { ...outcome, said: `${outcome.said ?? ''}\n\nOrch's own checks: ${told}`.trim() };
}

/** A setup that the run's own lockfile broke is red like a check. */
async function checksOf(context: StageContext, path: string, roundHead: string): Promise<CheckResult[]> {
  const setup = await setUpAgain(context, path);
  return setup.length > 0 ? setup : runChecks(context, path, roundHead);
}

/** The work stays in the clone for the next attempt, but for what its stage may not change. */
async function refused(
  context: StageContext,
  result: StageResult & { readonly outcome: Extract<StageOutcome, { kind: 'no_evidence' }> },
  roundHead: string,
): Promise<StageResult> {
  const { workspace, repository, job, run } = context;
  const { outcome } = result;
  const kept = await salvaged(context, result.judgement);
  if (outcome.drop !== true) return { ...result, judgement: kept };
  const { salvaged: saved } = await workspace.resetTo(repository, {
    key: keyOf(context),
    branch: job.branch,
    run: runName(run.id),
    head: roundHead,
    copied: copied(context),
  });
  const where = saved === null ? '' : `, kept as salvage ${runName(run.id)}`;
  return {
    ...result,
    judgement: kept,
    outcome: { ...outcome, reason: `${outcome.reason} (dropped${where})` },
  };
}

/** Against what the findings of this round are measured; unknown parts stay null. */
async function roundFacts(
  context: StageContext,
  head: string,
  findings: readonly Finding[],
): Promise<RoundFacts> {
  const { workspace, project, task } = context;
  const base = await workspace.baseHead(context.repository);
  const fork = await workspace.forkPoint(project.key, base, head);
  const paths = async (from: string | null) =>
    from === null
      ? null
      : (await workspace.diff(project.key, from, head)).files.flatMap((file) =>
          file.from === undefined ? [file.path] : [file.path, file.from],
        );
  // A file that is not there yet is one to be written, which is the task's.
  const named = findings.flatMap(({ file }) => (file === null ? [] : [file.replace(/^\.\//, '')]));
  const there = await workspace.plainFilesAt(project.key, head, named);
  const toWrite = named.filter((file) => !there.has(file));
  const withThose = (files: readonly string[] | null) => (files === null ? null : [...files, ...toWrite]);
  return {
    head,
    touched: withThose(await paths(fork)),
    changedSince: withThose(await paths(task?.loops[context.stage.stage]?.head ?? null)),
  };
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

/** Commits what is left, pushes the branch; nothing new means no commit and no push. */
async function take(context: StageContext, result: StageResult, roundHead: string): Promise<StageResult> {
  const { workspace, repository, job, task, run } = context;
  const isJoin = job.context.conflict !== null;
  const seal = { key: keyOf(context), branch: job.branch, joined: roundHead };
  const { sealed } = isJoin ? await workspace.joinFacts(repository, seal) : { sealed: null };
  if (sealed !== null) return push(context, { ...result, head: sealed });
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
      // What the base brought is new to the branch, also where nothing was left to resolve.
      return isJoin ? push(context, { ...result, head: taken.head }) : result;
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
    case 'taken': {
      const message = `Merge ${context.project.base} into ${job.branch}\n\nConflicts resolved by ${job.agent ?? 'agent'}, ${runName(run.id)}.`;
      const head = isJoin ? await workspace.sealJoin(repository, { ...seal, message }) : taken.head;
      return push(context, { ...result, head });
    }
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
