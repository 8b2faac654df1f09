/**
 * Stages without processes. The agent stage follows the real one step by step (prepare, launch, note, judge,
 * look for evidence, take, push) with the modelled workspace and scripted runs, and leaves every decision to
 * the real rules: `judgeEvidence`, and the judgement that an adapter would have made. `deploy` is the real one.
 */
import { AppError } from '../src/core/errors.ts';
import { judgeEvidence, type Observed, readHandIn } from '../src/core/evidence.ts';
import { type Judgement, notRun } from '../src/core/failure.ts';
import { runName, worktreeKey } from '../src/core/model.ts';
import type { ExitRecord } from '../src/launcher/launcher.ts';
import { bringBaseIn } from '../src/stages/agent/base-in.ts';
import { bringPeopleIn } from '../src/stages/agent/people.ts';
import { deployStage } from '../src/stages/deploy/deploy-stage.ts';
import type { StageContext, StageKind, StageResult } from '../src/stages/stage.ts';
import type { Doors, Life } from './doors.ts';
import type { Random } from './random.ts';
import type { Runs } from './runs.ts';
import { drawScript } from './scripts.ts';
import type { Vendor } from './vendor.ts';

export interface StageParts {
  readonly random: Random;
  readonly doors: Doors;
  readonly runs: Runs;
  readonly vendor: Vendor;
  readonly wall: () => number;
  readonly isKind: () => boolean;
  /** What each CLI session has cost so far, in US dollars. */
  readonly sessions: Map<string, number>;
}

const NO_TIME = { before: () => 0, after: () => 0 };
const NO_END = { exitCode: null, signal: null, stoppedBy: null, vanished: false } as const;

export function createStageKinds(life: Life, parts: StageParts): ReadonlyMap<string, StageKind> {
  const kinds = [agentStage(life, parts), commandStage(life, parts), deployStage];
  return new Map(kinds.map((kind) => [kind.kind, kind]));
}

function agentStage(life: Life, parts: StageParts): StageKind {
  const { random, doors, runs, vendor } = parts;
  return {
    kind: 'agent',
    async start(context) {
      const { job, run, task, account } = context;
      if (account === null)
        throw new AppError(`account ${run.account} is not in the configuration`, { code: 'account.unknown' });
      if (context.budgetUsd !== null && context.budgetUsd <= 0) return stopped();
      const key = worktreeKey(task, job);
      const clone = await context.workspace.prepare(context.repository, { key, branch: job.branch });
      if (!parts.isKind() && random.chance(0.01))
        return impossible('workspace.setup_failed', 'npm ci failed');
      const people = await bringPeopleIn(context, clone.head);
      if (people.kind === 'not_ours') return stopped();
      if (people.kind === 'trouble') return impossible(people.code, people.reason);
      const base = await bringBaseIn(context, people.roundHead);
      if (base === 'not_ours') return stopped();
      const roundHead = base?.roundHead ?? people.roundHead;
      if (context.signal.aborted) return stopped();
      const { resume, sessionId } = job.context;
      const session = resume && sessionId !== null ? sessionId : `session-${run.id}`;
      const live = await doors.call(life, 'run.launch', NO_TIME, async () =>
        runs.launch(life, {
          ...{ run, job, task },
          script: drawScript({
            ...{ random, job, run, kind: parts.isKind(), wall: parts.wall(), sessionId: session },
            meeting: vendor.meets(account.account.id),
            addCost: (usd) => {
              const sum = (parts.sessions.get(session) ?? 0) + usd;
              parts.sessions.set(session, sum);
              return sum;
            },
          }),
        }),
      );
      context.watch(live);
      const ours = await context
        .note({ pid: live.pid, cliKind: 'scripted', cliVersion: '1.0.0', sessionId: session, roundHead })
        .catch(async (error: unknown) => {
          await live.stop('outside', { now: true });
          throw error;
        });
      if (!ours) await live.stop('outside', { now: true });
      return finish(context, parts, await live.ended, roundHead);
    },
    async adopt(context) {
      const found = await doors.call(life, 'run.adopt', NO_TIME, async () =>
        runs.adopt(life, context.run.directory),
      );
      if (found.kind === 'gone')
        return {
          ...stopped(),
          judgement: notRun('lost', 'the run was not there any more when Orch came back', 'orch.gone'),
          end: { ...NO_END, vanished: true },
        };
      if (found.kind === 'live') context.watch(found.run);
      const exit = found.kind === 'live' ? await found.run.ended : found.exit;
      const { job, project } = context;
      const head = job.context.roundHead ?? (await context.workspace.branchHead(project.key, job.branch));
      return finish(context, parts, exit, head);
    },
  };
}

async function finish(
  context: StageContext,
  parts: StageParts,
  end: ExitRecord,
  roundHead: string | null,
): Promise<StageResult> {
  const { task, job, run, workspace, repository, stage } = context;
  const script = parts.runs.all.get(run.id)?.script;
  if (script === undefined) throw new Error(`run ${run.id} was never launched`);
  const key = worktreeKey(task, job);
  const result = { ...stopped(), judgement: judged(script.judgement, end), end, ran: true };
  if (result.judgement.verdict !== 'success') {
    await workspace.salvage(repository, { key, run: runName(run.id) });
    return result;
  }
  if (roundHead === null) return refused(result, 'where the round began is not known');
  if (task === null) return take(context, result, roundHead, key);
  const status = await workspace.status(repository, { key, since: roundHead });
  const read = readHandIn(script.handIn, runName(run.id));
  const observed: Observed = {
    ...{ stage: stage.stage, role: job.agent ?? 'developer', documents: script.documents },
    handIn: read.kind === 'handed_in' ? read.handIn : null,
    handInProblem: read.kind === 'missing' ? read.why : null,
    ...{ criteria: [], requirements: [], traceProblem: null, checks: [], tampering: null },
    unresolved: job.context.conflict === null ? null : [],
    changed: status.changedPaths,
  };
  const outcome = judgeEvidence(observed);
  if (context.signal.aborted) return { ...result, judgement: { ...result.judgement, verdict: 'cancelled' } };
  if (outcome.kind === 'no_evidence') {
    if (outcome.drop === true)
      await workspace.resetTo(repository, {
        ...{ key, branch: job.branch, run: runName(run.id), head: roundHead },
      });
    return { ...result, outcome };
  }
  const facts = { head: roundHead, touched: null, changedSince: null };
  const weighed = {
    ...result,
    outcome: outcome.kind === 'send_back' ? { ...outcome, facts } : outcome,
    checked: outcome.kind === 'advance' && stage.tools === 'write' ? { green: 0, total: 0 } : null,
  };
  if (stage.tools === 'write') return take(context, weighed, roundHead, key);
  const base = await workspace.baseHead(repository);
  const isEmpty = await workspace.isAncestor(context.project.key, roundHead, base);
  return isEmpty ? weighed : { ...weighed, head: roundHead };
}

/** What we did to the process comes before what it said. */
function judged(judgement: Judgement, end: ExitRecord): Judgement {
  if (end.stoppedBy === 'cancel')
    return { ...judgement, verdict: 'cancelled', reason: 'stopped', rule: 'orch.stopped', realAnswer: false };
  if (end.stoppedBy === 'outside' || end.vanished)
    return { ...judgement, verdict: 'lost', reason: 'killed', rule: 'orch.killed', realAnswer: false };
  return judgement;
}

async function take(
  context: StageContext,
  result: StageResult,
  roundHead: string,
  key: string,
): Promise<StageResult> {
  const { workspace, repository, job, run } = context;
  const request = { key, branch: job.branch, run: runName(run.id), since: roundHead, message: 'work' };
  const taken = await workspace.take(repository, request);
  if (taken.kind !== 'taken' && job.context.conflict === null) return result;
  const pushed = await workspace.push(repository, job.branch);
  return { ...result, head: pushed.head };
}

/** A command: no evidence but its exit. */
function commandStage(life: Life, { random, doors, isKind }: StageParts): StageKind {
  async function run(context: StageContext): Promise<StageResult> {
    const { workspace, repository, job, task } = context;
    await workspace.prepare(repository, { key: worktreeKey(task, job), branch: job.branch });
    const minutes = random.between(1, 20);
    const isGreen = isKind() || random.chance(0.8);
    const time = { before: () => 0, after: () => minutes * 60_000 };
    await doors.call(life, 'command', time, async () => undefined);
    if (context.signal.aborted) return stopped();
    const judgement = isGreen
      ? notRun('success', 'exited 0', 'command.exit')
      : notRun('permanent', 'failed with exit 1', 'command.exit');
    const outcome = isGreen ? ({ kind: 'advance', noChange: null } as const) : null;
    return { ...stopped(), judgement, end: { ...NO_END, exitCode: isGreen ? 0 : 1 }, outcome, ran: true };
  }
  return { kind: 'command', start: run, adopt: run };
}

function refused(result: StageResult, reason: string): StageResult {
  return { ...result, judgement: { ...result.judgement, verdict: 'permanent', reason } };
}

function impossible(code: string, reason: string): StageResult {
  return { ...stopped(), judgement: notRun('permanent', reason, code), end: NO_END, finalCode: code };
}

function stopped(): StageResult {
  return {
    judgement: notRun('cancelled', 'stopped before the agent was started', 'orch.stopped'),
    end: { ...NO_END, stoppedBy: 'cancel' },
    ...{ outcome: null, head: null, pr: null, finalCode: null, ran: false },
  };
}
