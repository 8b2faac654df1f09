import { expiringWarnings } from '../core/account-warning.ts';
import type { AuditFacts } from '../core/audit.ts';
import { dayOf } from '../core/budget.ts';
import { messageOf } from '../core/errors.ts';
import type { Survey } from '../core/explain.ts';
import { explainText } from '../core/explain-words.ts';
import type { Run } from '../core/model.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Store } from '../store/store.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { createAcceptance } from './acceptance.ts';
import { createAccountViews } from './account-views.ts';
import { type Attempts, createAttempts, runDirectory } from './attempt.ts';
import { createChanges, observed, type RunWatcher } from './changes.ts';
import { createCliTrust } from './cli-trust.ts';
import { createDecisions } from './decisions.ts';
import { createDelivery } from './deliver.ts';
import { createDispatcher, type Dispatcher } from './dispatcher.ts';
import { createForgeWatch } from './forge-watch.ts';
import { leastRoom } from './host.ts';
import { type Actor, createIntake } from './intake.ts';
import { createJanitor, type Janitor } from './janitor.ts';
import { createLetters } from './letters.ts';
import { createLooks } from './looks.ts';
import { type Machine, thisMachine } from './machine.ts';
import { createNudge } from './nudge.ts';
import { PACE, type Pace } from './pace.ts';
import { createPeople } from './people.ts';
import { type AdditionsReader, createPipelines } from './pipelines.ts';
import { createPreflight, type Preflight } from './preflight.ts';
import { createRunBundles } from './run-bundle.ts';
import { createRunLogs } from './run-log.ts';
import { createRunProof } from './run-proof.ts';
import { createRunTurns } from './run-turns.ts';
import type { Runtime } from './runtime.ts';
import { createSalvage } from './salvage.ts';
import { createScopes } from './scopes.ts';
import { createSnoozes } from './snoozes.ts';
import { takeOver } from './take-over.ts';
import { createTalk } from './talk.ts';
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
  /** Values that no log may show; those of the accounts' environments are known. */
  readonly secrets?: () => readonly string[];
  /** Default: the one this process runs on. */
  readonly machine?: Machine;
  readonly pace?: Pace;
}

/**
 * The running line: boot, dispatch, attempts, delivery, and everything people may do to it. Created
 * by the composition root; `start` first deals with what an earlier process left.
 */
export function createEngine(options: EngineOptions) {
  const { clock, log, machine = thisMachine, pace = PACE } = options;
  const changes = createChanges(clock);
  const watchers = new Set<RunWatcher>();
  const store = observed(options.store, changes, watchers);
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
    tidyWorktrees: () => {
      janitor.retry();
      people
        .tidy()
        .catch((error: unknown) => log.warn({ error: messageOf(error) }, 'sessions were not tidied'));
    },
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
    }),
    desk: { note: (...of) => talk.desk.note(...of), show: (...of) => talk.desk.show(...of) },
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

  const people = createPeople({ store, clock });
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

  let refreshed: ReadonlySet<string> = new Set();
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

  /** What will hold accounts before long, as the last tick saw it. */
  const warnings = () => expiringWarnings(dispatcher.state()?.accounts ?? [], clock());

  const why = createWhy({
    ...{ store, state: dispatcher.state, survey, staleAfterMs: pace.staleAfterMs, clock },
    intakes: (project) => trackerWatch.waits(project),
    warnings: (project) =>
      warnings().filter(
        ({ account }) =>
          project === null || runtime.projects.get(project)?.rules.accounts.includes(account) === true,
      ),
  });

  const trackerWatch = createTrackerWatch({
    ...{ store, intake, decisions, clock, random: options.random, log },
    runtime: () => runtime,
    why: async ({ id }) => explainText((await why.explain({ taskId: id })).explanation),
    intervalMs: pace.trackerLookMs,
  });

  const nudge = createNudge({ runtime: () => runtime, trackerWatch, forgeWatch });
  const letters = createLetters({
    ...{ store, clock },
    asked: (destination) => {
      for (const key of runtime.projects.keys())
        if (destination === null || destination === `tracker:${key}`) trackerWatch.nudge(key, null);
    },
  });

  const scopes = createScopes({ store, attempts, runtime: () => runtime, clock });
  async function checkAccount(id: string): Promise<void> {
    await cliTrust.check(id);
    dispatcher.wake();
  }

  const secrets = options.secrets ?? (() => []);
  const runLogs = createRunLogs({ runtime: () => runtime, secrets, live: attempts.live, clock, pace });

  const looks = createLooks({ store, workspace: options.workspace, runtime: () => runtime, pipelines });
  const runProof = createRunProof({
    ...{ live: attempts.processes, progressOf: looks.progressOf, clock },
    ...{ processorTimes: machine.processorTimes, intervalMs: pace.proofLookMs },
  });

  const talk = createTalk({
    ...{ store, workspace: options.workspace, decisions, letters, clock, log, why, checkAccount },
    runtime: () => runtime,
    state: dispatcher.state,
    staleAfterMs: pace.staleAfterMs,
    secrets,
    pause: (forMs, note, actor) => scopes.pause('all', '', note, forMs, actor),
    resume: (actor) => scopes.resume('all', '', actor),
    endRuns: () => scopes.endRuns('all', '', false),
  });

  return {
    /**
     * Looks after the runs that an earlier process left, before anything else: however many other projects
     * there are to read, and however long the rest of a start takes. Comes before `start`.
     */
    async takeOver(): Promise<{ adopted: number }> {
      await configureStore();
      const left = new Set((await store.running()).map(({ job }) => job.project));
      await pipelines.refreshAll((key) => left.has(key));
      refreshed = left;
      return { adopted: await takeOver({ store, attempts, machine, runsDir: runtime.runsDir, log }) };
    },

    /** Begins to claim, to deliver and to tidy. */
    async start(): Promise<void> {
      await pipelines.refreshAll((key) => !refreshed.has(key));
      dispatcher.start();
      janitor.start();
      upkeep.start(pace.upkeepMs);
      forgeWatch.start();
      talk.chats.start();
      trackerWatch.start();
      runLogs.times.start();
      runProof.start();
    },

    /** Stops dispatching and tidying. Live runs go on without us and are adopted by the next start. */
    async stop(): Promise<void> {
      runLogs.times.stop();
      runProof.stop();
      await Promise.all([
        dispatcher.stop(),
        janitor.stop(),
        upkeep.stop(),
        forgeWatch.stop(),
        talk.chats.stop(),
        trackerWatch.stop(),
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
      await talk.chats.restart();
      trackerWatch.reload();
    },

    /** A vendor says that something changed in these places: those of ours are looked at soon. */
    nudge,
    acceptance: createAcceptance({
      ...{ store, clock, runtime: () => runtime },
      accepted: (project) => trackerWatch.nudge(project, null),
    }),

    submit: intake.submit,
    enqueue: intake.enqueue,

    approve: decisions.approve,
    reject: decisions.reject,
    retry: decisions.retry,
    move: decisions.move,
    answer: decisions.answer,
    comment: decisions.comment,
    tick: decisions.tick,
    urgent: decisions.urgent,
    priority: decisions.priority,
    cancel: decisions.cancel,

    ...scopes,
    idle: attempts.idle,

    ...why,
    snoozes: createSnoozes({ store, why, lastOutputAt: attempts.lastOutputAt, clock }),

    accounts: createAccountViews({
      store,
      preflight,
      state: dispatcher.state,
      runtime: () => runtime,
      clock,
    }),
    warnings,
    /** Judges an account anew, now; a waiting job starts if its gate opens. */
    checkAccount,
    trustVersion: cliTrust.trust,
    useLastGood: cliTrust.useLastGood,

    /** The projects in force, with what orch.yaml says of them. */
    projects: (): Runtime['projects'] => runtime.projects,
    /** Runs at once, on this machine. */
    slots: (): number => runtime.slots,
    /** Bytes left on the fullest of its disks; null when they cannot be measured. */
    room: (): Promise<number | null> => leastRoom(runtime.disks),
    /** Worktrees on disk, of every project. */
    async worktrees(): Promise<number> {
      const names = await Promise.all([...runtime.projects.keys()].map(options.workspace.clones));
      return names.flat().length;
    },
    pipelineProblems: pipelines.problems,
    tickAge: (): number | null => {
      const state = dispatcher.state();
      return state === null ? null : clock() - state.tickAt;
    },
    lastOutputAt: (run: Run) => attempts.lastOutputAt(run.id),
    targetOf: decisions.targetOf,
    letters,
    brief: talk.brief,
    testChannels: talk.testChannels,
    chatPeople: talk.people,
    /** Why people are not heard, by channel. */
    chatProblems: talk.chats.problems,
    people,
    changes,
    /** Counts runs from now on. */
    onRun: (watcher: RunWatcher): void => void watchers.add(watcher),
    spentToday: () => store.spending(dayOf(clock())),
    ...{ looks, runProof, runLogs, turnsOf: createRunTurns({ live: attempts.live, runLogs, clock }) },
    bundle: createRunBundles({ runtime: () => runtime, secrets }),
    /** Writes down what somebody did that changes no row by itself. */
    note: (
      actor: Actor,
      action: string,
      target: string,
      after?: AuditFacts,
      before?: AuditFacts,
    ): Promise<void> =>
      store.audit({
        ...{ ...actor, action, target, at: clock() },
        ...(before === undefined ? {} : { before }),
        ...(after === undefined ? {} : { after }),
      }),
    upkeep: upkeep.pass,
    salvage: createSalvage({ workspace: options.workspace, runtime: () => runtime, clock }),
    store,
  };
}

export type Engine = ReturnType<typeof createEngine>;
