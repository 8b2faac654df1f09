import type { Agent, AgentReader } from './agents/agent.ts';
import { claudeCode } from './agents/claude-code/claude-code.ts';
import { codex } from './agents/codex/codex.ts';
import { copilot } from './agents/copilot/copilot.ts';
import { gemini } from './agents/gemini/gemini.ts';
import { opencode } from './agents/opencode/opencode.ts';
import { scripted } from './agents/scripted/scripted.ts';
import { AppError } from './core/errors.ts';
import type { Forge } from './forges/forge.ts';
import type { ForgeContext, ForgeKind } from './forges/forge-kind.ts';
import { agentStage } from './stages/agent/agent-stage.ts';
import { commandStage } from './stages/command/command-stage.ts';
import { deployStage } from './stages/deploy/deploy-stage.ts';
import type { StageKind } from './stages/stage.ts';
import type { Tracker } from './trackers/tracker.ts';
import type { TrackerContext, TrackerKind } from './trackers/tracker-kind.ts';

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
const TRACKERS: readonly TrackerKind[] = [];
const FORGES: readonly ForgeKind[] = [];
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

function adapterOf<T extends { readonly kind: string }>(kind: string, adapters: readonly T[]): T {
  const adapter = adapters.find((each) => each.kind === kind);
  if (adapter === undefined)
    throw new AppError(`agent ${kind} is not available in this version`, {
      code: 'usage.agent_kind',
      hint: `--agent is one of ${adapters.map((each) => each.kind).join(', ')}`,
    });
  return adapter;
}
