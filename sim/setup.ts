/** The configuration of a simulated installation, and the `Runtime` that it makes for one life of the engine. */
import type { BreakerRule } from '../src/core/breaker.ts';
import type { Budget } from '../src/core/budget.ts';
import type { Runtime, RuntimeProject } from '../src/engine/runtime.ts';
import type { StageSettings } from '../src/stages/stage.ts';
import type { Life } from './doors.ts';
import type { Outside } from './outside.ts';
import type { Random } from './random.ts';
import { createStageKinds, type StageParts } from './stages.ts';
import type { Vendor } from './vendor.ts';

export interface ProjectSetup {
  readonly key: string;
  readonly weight: number;
  readonly maxConcurrency: number;
  readonly accounts: readonly string[];
  readonly failover: 'never' | 'on_hold';
  readonly openPrs: number;
  readonly budget: Budget;
  readonly usageComments: 'tracker' | 'pr' | 'off';
  readonly stages: readonly StageSettings[];
  /** Its items come in from a tracker. */
  readonly isFed: boolean;
}

export interface AccountSetup {
  readonly id: string;
  readonly slots: number;
  readonly source: 'stored' | 'key';
}

/** What a person could have written into `orch.yaml`. */
export interface Setup {
  readonly projects: readonly ProjectSetup[];
  readonly accounts: readonly AccountSetup[];
  readonly slots: number;
  readonly maxAttempts: number;
  readonly maxTransientAttempts: number;
  readonly maxLostAttempts: number;
  readonly breaker: BreakerRule;
  readonly probeIntervalMs: number;
}

const RUNS_DIR = '/runs';
const FOR_EVER = {
  ...({ worktreesMs: 'never', runsMs: 'never', ledgerMs: 'never' } as const),
  ...({ outboxMs: 'never', unknownShapesMs: 'never', salvageMs: 'never' } as const),
};

export function stage(name: string, fields: Partial<StageSettings> = {}): StageSettings {
  return {
    ...{ stage: name, kind: 'agent', agent: name, onReject: null, maxRounds: 2, approval: 'none' },
    ...{ account: null, reviewers: [], when: null, tools: 'read', model: null, fallbackModel: null },
    ...{ effort: null, timeoutMs: null, stallMs: null, maxTurns: null, merge: 'auto', command: null },
    ...{ permission: 'default', prompt: null, checks: null },
    ...fields,
  };
}

const development = stage('development', { agent: 'developer', tools: 'write' });
const review = stage('review', { agent: 'reviewer', onReject: 'development' });
const analysis = stage('analysis', { agent: 'analyst' });
const deploy = stage('deploy', { kind: 'deploy', agent: null, approval: 'required' });

const PIPELINES: readonly (readonly StageSettings[])[] = [
  [analysis, development, review, deploy],
  [
    analysis,
    stage('architecture', { agent: 'architect' }),
    development,
    review,
    stage('testing', { agent: 'tester', onReject: 'development', tools: 'write' }),
    deploy,
  ],
  [
    development,
    stage('accept', { kind: 'human', agent: null, reviewers: ['mara'] }),
    { ...deploy, approval: 'none' },
  ],
  [development, review, stage('smoke', { kind: 'command', agent: null, command: 'make smoke' }), deploy],
  [development, { ...deploy, merge: 'manual' }],
];

export function drawSetup(random: Random): Setup {
  const accounts: AccountSetup[] = Array.from({ length: random.between(1, 3) }, (_, i) => ({
    id: `account-${'abc'[i]}`,
    slots: random.between(1, 3),
    source: random.chance(0.25) ? 'key' : 'stored',
  }));
  const ids = accounts.map(({ id }) => id);
  const projects: ProjectSetup[] = Array.from({ length: random.between(2, 4) }, (_, i) => {
    const first = random.pick(ids);
    return {
      key: `p${i + 1}`,
      weight: random.pick([1, 1, 2, 3]),
      maxConcurrency: random.between(1, 3),
      accounts: [first, ...ids.filter((id) => id !== first && random.chance(0.7))],
      failover: random.chance(0.5) ? 'on_hold' : 'never',
      openPrs: random.between(1, 5),
      budget: {
        usdPerTask: random.chance(0.15) ? random.between(4, 20) : null,
        usdPerDay: random.chance(0.15) ? random.between(20, 80) : null,
        tokensPerDay: random.chance(0.1) ? random.between(500_000, 3_000_000) : null,
      },
      usageComments: random.pick(['tracker', 'tracker', 'pr', 'off']),
      stages: random.pick(PIPELINES),
      isFed: random.chance(0.4),
    };
  });
  return {
    ...{ projects, accounts },
    slots: random.between(2, 5),
    maxAttempts: random.between(1, 3),
    maxTransientAttempts: random.between(2, 8),
    maxLostAttempts: random.between(1, 3),
    breaker: { threshold: random.between(2, 5), cooldownMs: 120_000 },
    probeIntervalMs: 300_000,
  };
}

/** A person edits the configuration: caps, weights, slots; now and then a project is taken out for a while. */
export function editSetup(random: Random, setup: Setup): Setup {
  const edited = {
    ...setup,
    slots: random.between(1, 5),
    accounts: setup.accounts.map((account) => ({ ...account, slots: random.between(1, 3) })),
    projects: setup.projects.map((project) => ({
      ...project,
      weight: random.pick([1, 1, 2, 3]),
      maxConcurrency: random.between(1, 3),
    })),
  };
  if (!random.chance(0.3) || edited.projects.length < 2) return edited;
  const out = random.pick(edited.projects).key;
  return { ...edited, projects: edited.projects.filter(({ key }) => key !== out) };
}

export function buildRuntime(
  life: Life,
  setup: Setup,
  parts: { outside: Outside; vendor: Vendor; stages: StageParts },
): Runtime {
  const { outside, vendor } = parts;
  return {
    projects: new Map(setup.projects.map((project) => [project.key, projectOf(life, project, outside)])),
    accounts: new Map(
      setup.accounts.map(({ id, slots }) => [
        id,
        {
          ...{ agent: agentBehind(life, id, parts), account: vendor.home(id), slots },
          ...{ isolation: 'auto', unsafe: false, reserve: () => null },
        } as const,
      ]),
    ),
    stageKinds: createStageKinds(life, parts.stages),
    notifiers: [outside.notifier(life)],
    slots: setup.slots,
    maxAttempts: setup.maxAttempts,
    budgets: {
      maxTransientAttempts: setup.maxTransientAttempts,
      maxLostAttempts: setup.maxLostAttempts,
      backoff: { baseMs: 10_000, maxMs: 900_000 },
    },
    accountRules: {
      ...setup.breaker,
      ...{ probeIntervalMs: setup.probeIntervalMs, expirySkewMs: 60_000, checkAuth: true, authStrict: false },
    },
    preflight: { cacheTtlMs: 600_000, expirySkewMs: 60_000 },
    ...{
      runTimeoutMs: 7_200_000,
      stallTimeoutMs: 900_000,
      runsDir: RUNS_DIR,
      worktreesDir: '/worktrees',
      shapesDir: '/shapes',
      scratchDir: '/scratch',
      disks: [],
      retention: FOR_EVER,
    },
  };
}

const QUICK = {
  before: (random: Random) => (random.chance(0.1) ? random.between(1, 3000) : 0),
  after: () => 0,
};

/** Which files there are, and how to sign in, is known without looking: only the looks take time. */
function agentBehind(life: Life, id: string, { vendor, stages }: { vendor: Vendor; stages: StageParts }) {
  const { version, signIn, canResume } = vendor.agent;
  return {
    ...vendor.agent,
    ...stages.doors.behind(life, id, { version, signIn, canResume }, QUICK),
  };
}

function projectOf(life: Life, project: ProjectSetup, outside: Outside): RuntimeProject {
  const { key } = project;
  const full = { name: 'full', when: null, stages: project.stages };
  return {
    rules: {
      ...{ key, repo: `${key}.git`, accounts: project.accounts },
      ...{ usageComments: project.usageComments, hears: project.isFed, tellsForge: true },
    },
    pipelines: [full],
    repository: {
      ...{ project: key, url: `${key}.git`, base: 'main' },
      author: { name: 'Orch', email: 'orch@example.org' },
    },
    tracker: outside.tracker(life, key),
    forge: outside.forge(life, key),
    ...{ base: 'main', branchTemplate: 'orch/{key}' },
    ...{ weight: project.weight, maxConcurrency: project.maxConcurrency, failover: project.failover },
    ...{ openPrs: project.openPrs, budget: project.budget },
    ...{ setup: [], teardown: [], checks: [], env: {}, envFile: null, copy: [], artefacts: 'off' },
    ...{ reports: [], trace: 'off' },
  };
}
