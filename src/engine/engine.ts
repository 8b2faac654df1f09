import { type AccountWarning, expiringOf, expiringWarning } from '../core/account-warning.ts';
import { isProven } from '../core/cli-version.ts';
import { AppError } from '../core/errors.ts';
import type { Survey } from '../core/explain.ts';
import { explainText } from '../core/explain-text.ts';
import type { Pause, Run } from '../core/model.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Store } from '../store/store.ts';
import type { WebhookPlace } from '../webhooks/webhook.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { createAcceptance } from './acceptance.ts';
import { type Attempts, createAttempts, runDirectory } from './attempt.ts';
import { accountInForce, createCliTrust, pinInForce } from './cli-trust.ts';
import { createDecisions } from './decisions.ts';
import { createDelivery } from './deliver.ts';
import { createDispatcher, type Dispatcher } from './dispatcher.ts';
import { createForgeWatch, type Nudge } from './forge-watch.ts';
import { type Actor, createIntake } from './intake.ts';
import { createJanitor, type Janitor } from './janitor.ts';
import { createLetters } from './letters.ts';
import { type Machine, thisMachine } from './machine.ts';
import { PACE, type Pace } from './pace.ts';
import { type AdditionsReader, createPipelines } from './pipelines.ts';
import { createPreflight, type Preflight } from './preflight.ts';
import type { Runtime } from './runtime.ts';
import { createSalvage } from './salvage.ts';
import { takeOver } from './take-over.ts';
import { createTrackerWatch } from './tracker-watch.ts';
import { createUpkeep } from './upkeep.ts';
import { createWhy } from './why.ts';

export interface EngineOptions {
  readonly store: Store;
  readonly workspace: Workspace;
  readonly runtime: Runtime;
  /** Reads what a repository adds to its pipelines. */
  readonly additions: AdditionsReader;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly baseEnv: Readonly<Record<string, string>>;
  /** Default: the one this process runs on. */
  readonly machine?: Machine;
  readonly pace?: Pace;
}

/**
 * The running line: boot, dispatch, attempts, delivery, and everything people may do to it. Created
 * by the composition root; `start` first deals with what an earlier process left.
 */
export function createEngine(options: EngineOptions) {
  const { store, clock, log, machine = thisMachine, pace = PACE } = options;
  let runtime = options.runtime;
  const pipelines = createPipelines({
    workspace: options.workspace,
    runtime: () => runtime,
    reader: options.additions,
    log,
  });
  const intake = createIntake({
    store,
    workspace: options.workspace,
    pipelines,
    runtime: () => runtime,
    clock,
    log,
  });
  const preflight: Preflight = createPreflight(
    clock,
    () => dispatcher.wake(),
    machine,
    options.baseEnv['PATH'] ?? '',
  );
  const janitor: Janitor = createJanitor({
    store,
    machine,
    workspace: options.workspace,
    runtime: () => runtime,
    clock,
    log,
    baseEnv: options.baseEnv,
  });
  const upkeep = createUpkeep({
    store,
    workspace: options.workspace,
    runtime: () => runtime,
    clock,
    log,
    tidyWorktrees: janitor.retry,
  });
  const attempts: Attempts = createAttempts({
    store,
    machine,
    workspace: options.workspace,
    preflight,
    pipelines,
    runtime: () => runtime,
    clock,
    log,
    random: options.random,
    baseEnv: options.baseEnv,
    vacated: janitor.vacated,
  });
  const delivery = createDelivery({
    store,
    clock,
    log,
    random: options.random,
    ended: () => dispatcher.wake(),
    destinations: () => ({
      tracker: (project) => runtime.projects.get(project)?.tracker ?? null,
      forge: (project) => runtime.projects.get(project)?.forge ?? null,
      base: (project) => runtime.projects.get(project)?.base ?? 'main',
      stages: ({ project, pipeline }) =>
        pipelines.rulesFor(project, pipeline)?.pipeline.map(({ stage }) => stage) ?? [],
      notifiers: runtime.notifiers,
    }),
  });
  const dispatcher: Dispatcher = createDispatcher({
    store,
    machine,
    pace,
    preflight,
    clock,
    log,
    start: attempts.start,
    deliver: () => delivery.run(),
    config: () => ({
      accounts: [...runtime.accounts.values()],
      projects: [...runtime.projects].map(([key, project]) => ({
        key,
        maxConcurrency: project.maxConcurrency,
        accounts: project.rules.accounts,
        failover: project.failover,
        openPrs: project.openPrs,
        budget: project.budget,
      })),
      slots: runtime.slots,
      rules: runtime.accountRules,
      preflight: runtime.preflight,
      disks: runtime.disks,
      directoryFor: (runId) => runDirectory(runtime.runsDir, runId),
    }),
    looks: () => trackerWatch.troubles(),
  });

  const decisions = createDecisions({ store, pipelines, attempts, runtime: () => runtime, clock });

  const cliTrust = createCliTrust({ store, preflight, runtime: () => runtime, clock });

  const forgeWatch = createForgeWatch({
    store,
    workspace: options.workspace,
    pipelines,
    decisions,
    runtime: () => runtime,
    clock,
    log,
    intervalMs: pace.forgeLookMs,
  });

  const why = createWhy({
    ...{ store, state: dispatcher.state, survey, staleAfterMs: pace.staleAfterMs, clock },
    intakes: (project) => trackerWatch.waits(project),
  });

  const trackerWatch = createTrackerWatch({
    ...{ store, intake, decisions, clock, random: options.random, log },
    runtime: () => runtime,
    why: async ({ id }) => explainText((await why.explain({ taskId: id })).explanation),
    intervalMs: pace.trackerLookMs,
  });

  /** Everybody whose places these are looks there soon. */
  function nudge(kind: string, places: readonly WebhookPlace[]): void {
    for (const [key, { tracker, forge }] of runtime.projects)
      for (const place of places) {
        if (place.kind === 'item' && tracker.kind === kind && tracker.feed?.isAbout(place.at) === true)
          trackerWatch.nudge(key, { item: place.id });
        if (place.kind === 'item' || forge.kind !== kind || forge.feed?.isAbout(place.at) !== true) continue;
        if (place.kind === 'pull_request') trackerWatch.nudge(key, { pullRequest: place.number });
        forgeWatch.nudge(key, aboutOf(place));
      }
  }

  function aboutOf(place: Exclude<WebhookPlace, { kind: 'item' }>): Nudge {
    if (place.kind === 'pull_request') return { pullRequest: place.number };
    return place.kind === 'branch' ? { branch: place.branch } : { commit: place.commit };
  }

  async function configureStore(): Promise<void> {
    await store.configure(
      [...runtime.projects].map(([key, p]) => ({ key, weight: p.weight, maxConcurrency: p.maxConcurrency })),
      [...runtime.accounts.keys()],
    );
  }

  async function survey(only: string | null): Promise<Survey[]> {
    const asked = [...runtime.projects].filter(([key]) => only === null || key === only);
    const found = asked.map(async ([project, { tracker }]) => ({ project, ...(await tracker.survey()) }));
    return Promise.all(found);
  }

  return {
    async start(): Promise<{ adopted: number }> {
      await configureStore();
      // A live run is taken over at once, however many projects there are to read besides its own.
      const left = new Set((await store.running()).map(({ job }) => job.project));
      await pipelines.refreshAll((key) => left.has(key));
      const adopted = await takeOver({ store, attempts, machine, runsDir: runtime.runsDir, log });
      await pipelines.refreshAll((key) => !left.has(key));
      dispatcher.start();
      janitor.start();
      upkeep.start(pace.upkeepMs);
      trackerWatch.start();
      forgeWatch.start();
      return { adopted };
    },

    /** Stops dispatching and tidying. Live runs go on without us and are adopted by the next start. */
    async stop(): Promise<void> {
      await Promise.all([
        dispatcher.stop(),
        janitor.stop(),
        upkeep.stop(),
        trackerWatch.stop(),
        forgeWatch.stop(),
        delivery.stop(),
      ]);
    },

    /** Replaces the configuration; running attempts finish under the one they started with. */
    async reload(next: Runtime): Promise<void> {
      runtime = next;
      await configureStore();
      await pipelines.refreshAll();
      dispatcher.wake();
      janitor.wake();
      trackerWatch.reload();
    },

    /** A vendor says that something changed in these places: those of ours are looked at soon. */
    nudge: (kind: string, places: readonly WebhookPlace[]) => nudge(kind, places),
    /** As `nudge`, for the forge of one project, whatever its kind. */
    nudgeForge: (project: string, about: Nudge): void => forgeWatch.nudge(project, about),
    acceptance: createAcceptance({
      ...{ store, clock, runtime: () => runtime },
      accepted: (project) => trackerWatch.nudge(project, null),
    }),

    submit: intake.submit,
    enqueue: intake.enqueue,

    approve: decisions.approve,
    reject: decisions.reject,
    retry: decisions.retry,
    answer: decisions.answer,
    tick: decisions.tick,
    urgent: decisions.urgent,
    cancel: decisions.cancel,

    async pause(
      scope: Pause['scope'],
      id: string,
      note: string,
      forMs: number | null,
      actor: Actor,
    ): Promise<Pause> {
      checkScope(scope, id);
      const now = clock();
      const pause: Pause = {
        scope,
        id,
        note,
        by: actor.by,
        since: now,
        until: forMs === null ? null : now + forMs,
      };
      await store.pause(pause, {
        ...actor,
        action: 'pause',
        target: scope === 'all' ? 'all' : `${scope}:${id}`,
        at: now,
      });
      return pause;
    },
    async resume(scope: Pause['scope'], id: string, actor: Actor): Promise<boolean> {
      checkScope(scope, id);
      return store.resume(scope, id, {
        ...actor,
        action: 'resume',
        target: scope === 'all' ? 'all' : `${scope}:${id}`,
        at: clock(),
      });
    },
    /** Ends live runs in a scope: their jobs go back to the queue, work and session are kept. */
    async endRuns(scope: Pause['scope'], id: string, now: boolean): Promise<number> {
      const meant = attempts
        .live()
        .filter(
          ({ run, job }) =>
            scope === 'all' || (scope === 'project' ? job.project === id : run.account === id),
        );
      await Promise.all(meant.map(({ run }) => attempts.stop(run.id, { now })));
      return meant.length;
    },
    idle: attempts.idle,

    ...why,

    async accounts() {
      const states = new Map((await store.accounts()).map((a) => [a.id, a]));
      const versions = await store.cliVersions();
      const state = dispatcher.state();
      return Promise.all(
        [...runtime.accounts.values()].map(async (entry) => {
          const { agent, account } = entry;
          const own = states.get(account.id);
          const { version } = preflight.cli(accountInForce(account, own));
          const now = clock();
          const signIn = await agent.signIn(account, {
            now,
            expirySkewMs: runtime.preflight.expirySkewMs,
          });
          const expiring = runtime.accountRules.checkAuth ? expiringOf(signIn, now) : null;
          return {
            entry,
            state: own ?? null,
            signIn,
            warnings: expiring === null ? [] : [expiringWarning(account.id, expiring, now)],
            gate: state?.accounts.get(account.id) ?? null,
            cli: {
              version,
              proven:
                version === null ? null : isProven(agent.kind, version, agent.recordedVersions, versions),
              pinned: pinInForce(account, own),
            },
          };
        }),
      );
    },
    /** What will hold accounts before long, as the last tick saw it. */
    warnings(): AccountWarning[] {
      const now = clock();
      return [...(dispatcher.state()?.accounts ?? [])].flatMap(([id, { expiring }]) =>
        expiring == null ? [] : [expiringWarning(id, expiring, now)],
      );
    },
    /** Judges an account anew, now; a waiting job starts if its gate opens. */
    async checkAccount(id: string): Promise<void> {
      await cliTrust.check(id);
      dispatcher.wake();
    },
    trustVersion: cliTrust.trust,
    useLastGood: cliTrust.useLastGood,

    pipelineProblems: pipelines.problems,
    tickAge: (): number | null => {
      const state = dispatcher.state();
      return state === null ? null : clock() - state.tickAt;
    },
    lastOutputAt: (run: Run) => attempts.lastOutputAt(run.id),
    targetOf: decisions.targetOf,
    letters: createLetters({ store, clock }),
    upkeep: upkeep.pass,
    salvage: createSalvage({ workspace: options.workspace, runtime: () => runtime, clock }),
    store,
  };

  function checkScope(scope: Pause['scope'], id: string): void {
    if (scope === 'project' && !runtime.projects.has(id))
      throw new AppError(`there is no project ${id}`, {
        code: 'project.unknown',
        hint: `one of ${[...runtime.projects.keys()].join(', ')}`,
      });
    if (scope === 'account' && !runtime.accounts.has(id))
      throw new AppError(`there is no account ${id}`, {
        code: 'account.unknown',
        hint: `one of ${[...runtime.accounts.keys()].join(', ')}`,
      });
  }
}

export type Engine = ReturnType<typeof createEngine>;
