import type { Agent, AgentReader } from './agents/agent.ts';
import type { DestinationContext } from './clients/destination-context.ts';
import { giteaVendor } from './clients/gitea/gitea-vendor.ts';
import { githubVendor } from './clients/github/github-vendor.ts';
import { planeVendor } from './clients/plane/plane-vendor.ts';
import type { VendorKind } from './clients/vendor-kind.ts';
import { AppError } from './core/errors.ts';
import type { Forge } from './forges/forge.ts';
import type { ForgeKind } from './forges/forge-kind.ts';
import { giteaForge } from './forges/gitea/gitea-forge.ts';
import { githubForge } from './forges/github/github-forge.ts';
import type { StageKind } from './stages/stage.ts';
import { giteaTracker } from './trackers/gitea/gitea-tracker.ts';
import { githubTracker } from './trackers/github/github-tracker.ts';
import { planeTracker } from './trackers/plane/plane-tracker.ts';
import type { Tracker } from './trackers/tracker.ts';
import type { TrackerKind } from './trackers/tracker-kind.ts';
import { giteaWebhook } from './webhooks/gitea/gitea-webhook.ts';
import { githubWebhook } from './webhooks/github/github-webhook.ts';
import { planeWebhook } from './webhooks/plane/plane-webhook.ts';
import type { Webhook } from './webhooks/webhook.ts';

interface Adapter<T extends AgentReader> {
  readonly kind: string;
  create(options: { searchPath: string }): T;
}

/**
 * The one list of everything pluggable; configuration, docs and `doctor` read it. An adapter is loaded when
 * something is of its kind.
 */
const AGENTS: Readonly<Record<string, () => Promise<Adapter<Agent>>>> = {
  'claude-code': async () => (await import('./agents/claude-code/claude-code.ts')).claudeCode,
  codex: async () => (await import('./agents/codex/codex.ts')).codex,
  opencode: async () => (await import('./agents/opencode/opencode.ts')).opencode,
  scripted: async () => (await import('./agents/scripted/scripted.ts')).scripted,
};
/** Those, and CLIs whose runs and sign-ins are judged but that no account may name: nothing starts them. */
const AGENT_READERS: Readonly<Record<string, () => Promise<Adapter<AgentReader>>>> = {
  ...AGENTS,
  gemini: async () => (await import('./agents/gemini/gemini.ts')).gemini,
  copilot: async () => (await import('./agents/copilot/copilot.ts')).copilot,
};
/** Beside `local`, which is Orch's own store and needs more than a vendor does. */
const TRACKERS: readonly TrackerKind[] = [giteaTracker, githubTracker, planeTracker];
const FORGES: readonly ForgeKind[] = [giteaForge, githubForge];
/** Whose deliveries are taken in: one route each. */
const WEBHOOKS: readonly Webhook[] = [giteaWebhook, githubWebhook, planeWebhook];
/** Vendors that doctor looks at and init can set up. */
const VENDORS: readonly VendorKind[] = [giteaVendor, githubVendor, planeVendor];
const LOCAL = { kind: 'local', keys: {}, needs: [] };
const NOTIFIERS = ['telegram', 'webhook'] as const;

export function kinds() {
  return {
    agents: Object.keys(AGENTS),
    judgedAgents: Object.keys(AGENT_READERS),
    trackers: [LOCAL, ...TRACKERS],
    forges: [LOCAL, ...FORGES],
    notifiers: NOTIFIERS,
  };
}

/** `human` stages are never claimed: a person's decision settles them. */
export async function stageKinds(): Promise<readonly StageKind[]> {
  const { agentStage } = await import('./stages/agent/agent-stage.ts');
  const { commandStage } = await import('./stages/command/command-stage.ts');
  const { deployStage } = await import('./stages/deploy/deploy-stage.ts');
  return [agentStage, commandStage, deployStage];
}

export function vendors(): readonly VendorKind[] {
  return VENDORS;
}

/** The adapter of a CLI kind that runs can be given to. Throws `usage.agent_kind` naming those there are. */
export async function agentOfKind(kind: string, searchPath: string): Promise<Agent> {
  return (await adapterOf(kind, AGENTS)).create({ searchPath });
}

/** The adapter of any CLI kind whose runs and sign-ins can be judged. Throws as `agentOfKind`. */
export async function readerOfKind(kind: string, searchPath: string): Promise<AgentReader> {
  return (await adapterOf(kind, AGENT_READERS)).create({ searchPath });
}

/** The tracker of a project; `local` is made by the caller. The configuration lets no other kind through. */
export async function trackerOf(
  kind: string,
  context: DestinationContext,
  local: () => Tracker,
): Promise<Tracker> {
  return TRACKERS.find((each) => each.kind === kind)?.create(context) ?? local();
}

/** The forge of a project, as `trackerOf`. */
export async function forgeOf(kind: string, context: DestinationContext, local: () => Forge): Promise<Forge> {
  return FORGES.find((each) => each.kind === kind)?.create(context) ?? local();
}

/** How git signs in at a project's repository by way of its forge; null = as without one. */
export function gitCredentialsOf(
  kind: string,
  context: DestinationContext,
): ReturnType<ForgeKind['gitCredentials']> {
  return FORGES.find((each) => each.kind === kind)?.gitCredentials(context) ?? null;
}

export function webhooks(): readonly Webhook[] {
  return WEBHOOKS;
}

async function adapterOf<T extends AgentReader>(
  kind: string,
  adapters: Readonly<Record<string, () => Promise<Adapter<T>>>>,
): Promise<Adapter<T>> {
  const load = Object.hasOwn(adapters, kind) ? adapters[kind] : undefined;
  if (load === undefined)
    throw new AppError(`agent ${kind} is not available in this version`, {
      code: 'usage.agent_kind',
      hint: `--agent is one of ${Object.keys(adapters).join(', ')}`,
    });
  return load();
}
