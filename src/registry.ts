import type { Agent } from './agents/agent.ts';
import { claudeCode } from './agents/claude-code/claude-code.ts';
import { scripted } from './agents/scripted/scripted.ts';
import { agentStage } from './stages/agent/agent-stage.ts';
import { commandStage } from './stages/command/command-stage.ts';
import { deployStage } from './stages/deploy/deploy-stage.ts';
import type { StageKind } from './stages/stage.ts';

/** The one list of everything pluggable; configuration, docs and `doctor` read it. */
export const AGENTS: readonly { readonly kind: string; create(options: { searchPath: string }): Agent }[] = [
  claudeCode,
  scripted,
];
/** `human` stages are never claimed: a person's decision settles them. */
export const STAGE_KINDS: readonly StageKind[] = [agentStage, commandStage, deployStage];
const TRACKERS = ['local'] as const;
const FORGES = ['local'] as const;
const NOTIFIERS = ['telegram'] as const;

export function kinds() {
  return {
    agents: AGENTS.map((agent) => agent.kind),
    trackers: TRACKERS,
    forges: FORGES,
    notifiers: NOTIFIERS,
  };
}
