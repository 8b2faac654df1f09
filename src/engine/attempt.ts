import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentAccount } from '../agents/agent.ts';
import { startedRow } from '../core/announce.ts';
import { leftOfTask, withinBudget } from '../core/budget.ts';
import { AppError, messageOf } from '../core/errors.ts';
import { withStatuses } from '../core/forge-words.ts';
import { DEFAULT_RULES } from '../core/incident-plan.ts';
import { type Job, type Run, runName, type Task, worktreeKey } from '../core/model.ts';
import { stageNamed } from '../core/pipeline.ts';
import { decideSettle } from '../core/settle.ts';
import { isTraced } from '../core/trace.ts';
import type { LiveRun } from '../launcher/launcher.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { NamedMutex } from '../lib/mutex.ts';
import { kindOf } from '../notifiers/notifier.ts';
import type { StageContext, StageResult, StageSettings } from '../stages/stage.ts';
import type { Claimed, StartFacts, Store } from '../store/store.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { accountInForce } from './cli-trust.ts';
import { projectVariables } from './environment.ts';
import type { Machine } from './machine.ts';
import { failed, isOfStore, isUnconfigured, letGo, unsettled } from './own-troubles.ts';
import type { PipelineRules, Pipelines } from './pipelines.ts';
import type { Preflight } from './preflight.ts';
import type { Runtime } from './runtime.ts';

export interface AttemptParts {
  readonly store: Store;
  readonly workspace: Workspace;
  readonly machine: Machine;
  readonly preflight: Preflight;
  readonly pipelines: Pipelines;
  readonly runtime: () => Runtime;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** Allow-listed environment every process of a run starts from. */
  readonly baseEnv: Readonly<Record<string, string>>;
  /** Resolves when no one is removing the worktree at this path. */
  readonly vacated: (path: string) => Promise<void>;
}

const SETTLE_RETRY_MS = 1000;
const SETTLE_RETRY_MAX_MS = 30_000;
/** What a note of a run's start waits before it is tried again, while the store does not take it. */
const NOTE_RETRY_MS: readonly number[] = [200, 500, 1000, 2000, 5000, 10_000];

interface Live {
  readonly claimed: Claimed;
  readonly processes: Set<LiveRun>;
  readonly ending: AbortController;
  stop: { readonly now: boolean } | null;
  /** Of the credential the run started with; null when an earlier process started it. */
  fingerprint: string | null;
  done: Promise<void>;
}

/**
 * Runs attempts: from a claim (or a run found alive at boot) to its one settle. Whatever happens in
 * between, the claim ends in exactly one settle, so no job stays `running` without a live run.
 */
export function createAttempts(parts: AttemptParts) {
  const { store, clock, log, machine } = parts;
  const live = new Map<number, Live>();
  const turns = new NamedMutex();

  function begin(claimed: Claimed, how: 'start' | 'adopt'): void {
    const entry: Live = {
      claimed,
      processes: new Set(),
      ending: new AbortController(),
      stop: null,
      fingerprint: null,
      done: Promise.resolve(),
    };
    live.set(claimed.run.id, entry);
    // A person cancelled it, and Orch went away before it had ended the run.
    if (claimed.job.cancelRequested) end(entry, { now: false });
    entry.done = attempt(entry, how).finally(() => live.delete(claimed.run.id));
  }

  function end(entry: Live, how: { readonly now: boolean }): void {
    entry.stop = how;
    entry.ending.abort();
  }

  async function attempt(entry: Live, how: 'start' | 'adopt'): Promise<void> {
    const { claimed } = entry;
    const fields = {
      runId: runName(claimed.run.id),
      jobId: claimed.job.id,
      stage: claimed.job.stage,
      account: claimed.run.account,
    };
    log.info(fields, how === 'start' ? 'run started' : 'run adopted');
    const runtime = parts.runtime();
    if (how === 'start' && (await isCancelled(claimed))) end(entry, { now: false });
    if (how === 'start') entry.fingerprint = await fingerprintOf(claimed.run.account, runtime);
    let result = await work(entry, how, runtime).catch((error: unknown) =>
      how === 'adopt' && isUnconfigured(error)
        ? letGo(error, claimed, parts.machine)
        : failed(error, claimed),
    );
    for (let delayMs = SETTLE_RETRY_MS; ; delayMs = Math.min(delayMs * 2, SETTLE_RETRY_MAX_MS)) {
      const settled = await settle(entry, result, parts.runtime()).catch((error: unknown) => {
        log.error(
          { ...fields, error: error instanceof Error ? error.stack : String(error) },
          'settle failed',
        );
        // A fault of ours would be there the next time too: the job fails by it, and somebody is told.
        if (!(error instanceof AppError)) result = unsettled(error, claimed, result);
        return null;
      });
      if (settled === null) {
        // A full disk, a busy file: until it is written the job is still this run's, and nobody else's.
        await sleep(delayMs, undefined, { ref: false });
        continue;
      }
      log.info(
        {
          ...fields,
          verdict: result.judgement.verdict,
          reason: result.judgement.reason.slice(0, 300),
          settled,
        },
        'run settled',
      );
      return;
    }
  }

  /** A cancel that came before the attempt was known here found nothing that it could end. */
  async function isCancelled({ job }: Claimed): Promise<boolean> {
    // A store that is busy now is asked again by the settle, which gives a cancel its due.
    const row = await store.job(job.id).catch(() => null);
    return row !== null && row.fence === job.fence && row.cancelRequested;
  }

  async function work(entry: Live, how: 'start' | 'adopt', runtime: Runtime): Promise<StageResult> {
    const { job, task } = entry.claimed;
    await parts.vacated(parts.workspace.pathOf(job.project, worktreeKey(task, job)));
    const context = await contextOf(entry, how, runtime);
    const kind = runtime.stageKinds.get(context.stage.kind);
    if (kind === undefined)
      throw new AppError(`no stage kind ${context.stage.kind}`, {
        code: 'stage.unknown_kind',
        hint: 'check the pipeline in orch.yaml',
      });
    return how === 'start' ? kind.start(context) : kind.adopt(context);
  }

  async function contextOf(entry: Live, how: 'start' | 'adopt', runtime: Runtime): Promise<StageContext> {
    const { job, run, task } = entry.claimed;
    const project = runtime.projects.get(job.project);
    if (project === undefined)
      throw new AppError(`project ${job.project} is not in the configuration`, {
        code: 'project.unknown',
        hint: 'add it to orch.yaml',
      });
    const account = run.account === null ? null : await accountNow(run.account, runtime);
    // As last fetched; what this attempt's own fetch brings counts when it settles.
    if (task !== null && how === 'start') await parts.pipelines.refresh(project);
    const pipeline = task === null ? [] : parts.pipelines.rulesOf(task).pipeline;
    const stage = task === null ? taskless(job.agent ?? 'developer') : stageNamed(pipeline, job.stage ?? '');
    if (stage === null)
      throw new AppError(`stage ${job.stage} is not in the pipeline of ${job.project}`, {
        code: 'stage.unknown',
        hint: `orch retry ${task?.key ?? ''} --from-stage STAGE`,
      });
    return {
      job,
      run,
      task,
      stage,
      repository: project.repository,
      project: {
        key: job.project,
        base: project.base,
        setup: project.setup,
        teardown: project.teardown,
        checks: parts.pipelines.checksOf(project),
        env: await projectVariables(project),
        copy: project.copy,
        artefacts: project.artefacts,
        reports: project.reports,
        traced: isTraced(pipeline, project.trace),
      },
      account,
      repositoryNote: task === null ? null : parts.pipelines.noteFor(job.project, stage.stage),
      forge: project.forge,
      budgetUsd: task === null ? null : leftOfTask(task, project.budget),
      workspace: parts.workspace,
      limits: {
        timeoutMs: stage.timeoutMs ?? runtime.runTimeoutMs,
        stallMs: stage.stallMs ?? runtime.stallTimeoutMs,
      },
      baseEnv: { ...parts.baseEnv, HOME: await machine.commandHome(runtime.worktreesDir, job.project) },
      note: (facts) => noted(entry, facts),
      watch(process) {
        entry.processes.add(process);
        void process.ended.then(() => entry.processes.delete(process));
        if (entry.stop !== null) void process.stop('cancel', { now: entry.stop.now });
      },
      signal: entry.ending.signal,
      exclusive: (name, work) => turns.run(name, work),
      clock,
    };
  }

  /** A busy file is waited for: without the note the run would have to be ended, and what it cost lost. */
  async function noted({ claimed, ending }: Live, facts: StartFacts): Promise<boolean> {
    const { job, run, task } = claimed;
    const outbox =
      facts.pid !== undefined && runsAreTold(parts.runtime()) ? [startedRow(job, run, task)] : [];
    const write = () =>
      store.started({ runId: run.id, jobId: job.id, fence: job.fence }, { ...facts, outbox });
    for (const delayMs of NOTE_RETRY_MS) {
      const answer = await write().catch((error: unknown) => {
        if (!isOfStore(error) || ending.signal.aborted) throw error;
        log.warn({ runId: runName(run.id), error: messageOf(error) }, 'start not noted yet');
        return null;
      });
      if (answer !== null) return answer;
      await sleep(delayMs, undefined, { ref: false });
    }
    return write();
  }

  /** The account with the binary that its runs use now. */
  async function accountNow(id: string, runtime: Runtime): Promise<StageContext['account']> {
    const found = runtime.accounts.get(id);
    if (found === undefined) return null;
    const state = (await store.accounts()).find((each) => each.id === id);
    const account = accountInForce(found.account, state);
    const { version, bin } = parts.preflight.cli(account);
    return { ...found, account, cliVersion: version, cliBin: bin };
  }

  /** One-way fingerprint of the credential the account's CLI would use now. */
  async function fingerprintOf(id: string | null, runtime: Runtime): Promise<string | null> {
    const found = id === null ? undefined : runtime.accounts.get(id);
    if (found === undefined) return null;
    const { expirySkewMs } = runtime.preflight;
    return (await found.agent.signIn(found.account, { now: clock(), expirySkewMs })).fingerprint;
  }

  function rulesOf(task: Task): PipelineRules | null {
    return parts.pipelines.rulesFor(task.project, task.pipeline);
  }

  /** Files the task changed, for the stages that ask; the base this attempt fetched says which stages there are. */
  async function changedBy(
    task: Task | null,
    job: Job,
    result: StageResult,
    runtime: Runtime,
  ): Promise<readonly string[] | null> {
    const project = runtime.projects.get(job.project);
    const head = result.head ?? task?.head ?? null;
    if (task === null || project === undefined || result.outcome?.kind !== 'advance') return null;
    await parts.pipelines.refresh(project).catch((error: unknown) => {
      // The work is done: what was last known of the pipelines says where it goes.
      log.warn({ project: job.project, error: messageOf(error) }, 'the base branch could not be read');
    });
    return head === null ? null : parts.pipelines.changedBy(task, job.stage ?? '', head);
  }

  /** A log that cannot be kept costs the run nothing else. */
  async function keptShape(
    run: Run,
    { judgement, end }: StageResult,
    account: AgentAccount | null,
    runtime: Runtime,
  ): Promise<string | null> {
    if (judgement.unknownShape === null) return null;
    const noted = (await store.run(run.id)) ?? run;
    return machine
      .keepShape(runtime.shapesDir, { run: noted, judgement, end, account })
      .catch((error: unknown) => {
        log.warn(
          { runId: runName(run.id), error: messageOf(error) },
          'the log of an unknown shape is not kept',
        );
        return null;
      });
  }

  async function settle(entry: Live, result: StageResult, runtime: Runtime): Promise<'ok' | 'stale'> {
    const { job, run, task } = entry.claimed;
    if (result.judgement.verdict === 'auth' && run.account !== null) parts.preflight.drop(run.account);
    const endFingerprint = result.ran ? await fingerprintOf(run.account, runtime) : null;
    const budget = runtime.projects.get(job.project)?.budget ?? null;
    const changed = await changedBy(task, job, result, runtime);
    const configured = run.account === null ? undefined : runtime.accounts.get(run.account);
    const shapeLog = await keptShape(run, result, configured?.account ?? null, runtime);
    return store.settle({ runId: run.id, jobId: job.id, fence: job.fence }, (state) => {
      const effects = decideSettle(
        state,
        {
          ...result,
          credentialFingerprint: entry.fingerprint ?? endFingerprint,
          endFingerprint,
          recordedVersions: configured?.agent.recordedVersions ?? null,
          shapeLog,
          project: state.task === null ? null : rulesOf(state.task),
          changed,
          maxAttempts: runtime.maxAttempts,
          budgets: runtime.budgets,
          breaker: runtime.accountRules,
          jitter: parts.random(),
        },
        clock(),
      );
      const rules = state.task === null ? null : rulesOf(state.task);
      return withStatuses(withinBudget(effects, state, budget), state, rules);
    });
  }

  return {
    /** Starts work on a fresh claim. Never throws. */
    start: (claimed: Claimed): void => begin(claimed, 'start'),
    /** Takes over a run that an earlier process left: live, ended or gone. Never throws. */
    adopt: (claimed: Claimed): void => begin(claimed, 'adopt'),
    /** Ends a live run: its job is cancelled when a person asked for that, else it goes back to the queue. False when it is not live here. */
    async stop(runId: number, options: { now: boolean }): Promise<boolean> {
      const entry = live.get(runId);
      if (entry === undefined) return false;
      end(entry, options);
      await Promise.all([...entry.processes].map((process) => process.stop('cancel', { now: options.now })));
      return true;
    },
    live: (): readonly Claimed[] => [...live.values()].map((entry) => entry.claimed),
    /** Live runs with the processes that were started for them. */
    processes: () =>
      [...live.values()].map(({ claimed, processes }) => ({
        run: claimed.run,
        pids: [...processes].map(({ pid }) => pid),
      })),
    lastOutputAt: async (runId: number): Promise<number | null> => {
      const [process] = live.get(runId)?.processes ?? [];
      return process === undefined ? null : process.lastOutputAt();
    },
    /** Resolves when every live attempt has settled. */
    async idle(): Promise<void> {
      while (live.size > 0) await Promise.all([...live.values()].map((entry) => entry.done));
    },
  };
}

export type Attempts = ReturnType<typeof createAttempts>;

/** Whether any channel asks to hear of every run: nothing is written for nobody. */
function runsAreTold({ notifiers, notifyRules }: Runtime): boolean {
  return notifiers.some((each) => (notifyRules?.(kindOf(each)) ?? DEFAULT_RULES).events.run !== 'off');
}

/** A job without a task: one writing agent stage, no evidence asked. */
function taskless(role: string): StageSettings {
  return {
    stage: role,
    kind: 'agent',
    agent: role,
    onReject: null,
    maxRounds: 0,
    approval: 'none',
    account: null,
    reviewers: [],
    tools: 'write',
    model: null,
    fallbackModel: null,
    effort: null,
    timeoutMs: null,
    stallMs: null,
    maxTurns: null,
    merge: 'manual',
    command: null,
    permission: 'default',
    prompt: null,
    checks: null,
    when: null,
  };
}

export function runDirectory(runsDir: string, runId: number): string {
  return join(runsDir, runName(runId));
}
