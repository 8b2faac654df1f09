import type { Agent, AgentReader } from './agents/agent.ts';
import { claudeCode } from './agents/claude-code/claude-code.ts';
import { codex } from './agents/codex/codex.ts';
import { copilot } from './agents/copilot/copilot.ts';
import { gemini } from './agents/gemini/gemini.ts';
import { opencode } from './agents/opencode/opencode.ts';
import { scripted } from './agents/scripted/scripted.ts';
import { giteaVendor } from './clients/gitea/gitea-vendor.ts';
import { githubVendor } from './clients/github/github-vendor.ts';
import { planeVendor } from './clients/plane/plane-vendor.ts';
import type { VendorKind } from './clients/vendor-kind.ts';
import { AppError } from './core/errors.ts';
import type { Forge } from './forges/forge.ts';
import type { ForgeContext, ForgeKind } from './forges/forge-kind.ts';
import { giteaForge } from './forges/gitea/gitea-forge.ts';
import { githubForge } from './forges/github/github-forge.ts';
import { agentStage } from './stages/agent/agent-stage.ts';
import { commandStage } from './stages/command/command-stage.ts';
import { deployStage } from './stages/deploy/deploy-stage.ts';
import type { StageKind } from './stages/stage.ts';
import { giteaTracker } from './trackers/gitea/gitea-tracker.ts';
import { githubTracker } from './trackers/github/github-tracker.ts';
import { planeTracker } from './trackers/plane/plane-tracker.ts';
import type { Tracker } from './trackers/tracker.ts';
import type { TrackerContext, TrackerKind } from './trackers/tracker-kind.ts';
import { giteaWebhook } from './webhooks/gitea/gitea-webhook.ts';
import { githubWebhook } from './webhooks/github/github-webhook.ts';
import { planeWebhook } from './webhooks/plane/plane-webhook.ts';
import type { Webhook } from './webhooks/webhook.ts';

/** The one list of everything pluggable; configuration, docs and `doctor` read it. */
const AGENTS: readonly { readonly kind: string; create(options: { searchPath: string }): Agent }[] = [
  claudeCode,
  codex,
  opencode,
  scripted,
];
/** Those, and CLIs whose runs and sign-ins are judged but that no account may name: nothing starts them. */
const AGENT_READERS: readonly {
  readonly kind: string;
  create(options: { searchPath: string }): AgentReader;
}[] = [...AGENTS, gemini, copilot];
/** `human` stages are never claimed: a person's decision settles them. */
export const STAGE_KINDS: readonly StageKind[] = [agentStage, commandStage, deployStage];
/** Beside `local`, which is Orch's own store and needs more than a vendor does. */
const TRACKERS: readonly TrackerKind[] = [giteaTracker, githubTracker, planeTracker];
const FORGES: readonly ForgeKind[] = [giteaForge, githubForge];
/** Whose deliveries are taken in: one route each. */
const WEBHOOKS: readonly Webhook[] = [giteaWebhook, githubWebhook, planeWebhook];
/** Vendors that doctor looks at and init can set up. */
const VENDORS: readonly VendorKind[] = [giteaVendor, githubVendor, planeVendor];
const LOCAL = { kind: 'local', keys: {}, needs: [] };
const NOTIFIERS = ['telegram'] as const;

export function kinds() {
  return {
    agents: AGENTS.map((agent) => agent.kind),
    judgedAgents: AGENT_READERS.map((agent) => agent.kind),
    trackers: [LOCAL, ...TRACKERS],
    forges: [LOCAL, ...FORGES],
    notifiers: NOTIFIERS,
  };
}

export function vendors(): readonly VendorKind[] {
  return VENDORS;
}

/** The adapter of a CLI kind that runs can be given to. Throws `usage.agent_kind` naming those there are. */
export function agentOfKind(kind: string, searchPath: string): Agent {
  return adapterOf(kind, AGENTS).create({ searchPath });
}

/** The adapter of any CLI kind whose runs and sign-ins can be judged. Throws as `agentOfKind`. */
export function readerOfKind(kind: string, searchPath: string): AgentReader {
  return adapterOf(kind, AGENT_READERS).create({ searchPath });
}

/** The tracker of a project; `local` is made by the caller. The configuration lets no other kind through. */
export function trackerOf(kind: string, context: TrackerContext, local: () => Tracker): Tracker {
  return TRACKERS.find((each) => each.kind === kind)?.create(context) ?? local();
}

/** The forge of a project, as `trackerOf`. */
export function forgeOf(kind: string, context: ForgeContext, local: () => Forge): Forge {
  return FORGES.find((each) => each.kind === kind)?.create(context) ?? local();
}

/** How git signs in at a project's repository by way of its forge; null = as without one. */
export function gitCredentialsOf(
  kind: string,
  context: ForgeContext,
): ReturnType<ForgeKind['gitCredentials']> {
  return FORGES.find((each) => each.kind === kind)?.gitCredentials(context) ?? null;
}

export function webhooks(): readonly Webhook[] {
  return WEBHOOKS;
}

function adapterOf<T extends { readonly kind: string }>(kind: string, adapters: readonly T[]): T {
  const adapter = adapters.find((each) => each.kind === kind);
  if (adapter === undefined)
    throw new AppError(`agent ${kind} is not available in this version`, {
      code: 'usage.agent_kind',
      hint: `--agent is one of ${adapters.map((each) => each.kind).join(', ')}`,
    });
  return adapter;
}
