import { pathPattern } from './path-pattern.ts';

/** One stage of a pipeline as the rules need it; configuration objects fit structurally. */
export interface Stage {
  /** Unique name inside the pipeline. */
  readonly stage: string;
  readonly kind: 'agent' | 'human' | 'command' | 'deploy';
  /** Role that does an agent stage; null for the other kinds. */
  readonly agent: string | null;
  /** Where `request_changes` and a rejection send the task back to. */
  readonly onReject: string | null;
  readonly maxRounds: number;
  readonly approval: 'required' | 'none';
  readonly account: string | null;
  /** Who may decide where the stage waits for a person; empty = anyone who may decide at all. */
  readonly reviewers: readonly string[];
  /** Passed over unless this holds; null = always entered. */
  readonly when: StageWhen | null;
}

/** Empty means not asked for; where both are given, both have to hold. */
export interface StageWhen {
  readonly labels: readonly string[];
  readonly paths: readonly string[];
}

/** What a stage's `when` is held against. */
export interface EntryFacts {
  readonly labels: readonly string[];
  /** Files that the task changed against its base; null when not measured: then no stage is passed over for them. */
  readonly changed: readonly string[] | null;
}

export function stageNamed<T extends Stage>(pipeline: readonly T[], name: string): T | null {
  return pipeline.find((s) => s.stage === name) ?? null;
}

/** The stage that a task enters first; null when none of them applies to it. */
export function firstStage<T extends Stage>(pipeline: readonly T[], facts: EntryFacts): T | null {
  return pipeline.find((stage) => isEntered(stage, facts)) ?? null;
}

/** The next stage that applies to the task; null when none does. */
export function stageAfter<T extends Stage>(
  pipeline: readonly T[],
  name: string,
  facts: EntryFacts,
): T | null {
  const at = pipeline.findIndex((s) => s.stage === name);
  return at < 0 ? null : firstStage(pipeline.slice(at + 1), facts);
}

/** True when a stage behind this one asks what the task changed. */
export function asksForPaths(pipeline: readonly Stage[], name: string): boolean {
  const at = pipeline.findIndex((s) => s.stage === name);
  return at >= 0 && pipeline.slice(at + 1).some(({ when }) => when !== null && when.paths.length > 0);
}

/** A merge is never passed over: a task must not seem done with its work left out. */
function isEntered({ kind, when }: Stage, { labels, changed }: EntryFacts): boolean {
  if (when === null || kind === 'deploy') return true;
  if (when.labels.length > 0 && !sharesLabel(when.labels, labels)) return false;
  if (when.paths.length === 0 || changed === null) return true;
  const patterns = when.paths.map(pathPattern);
  return changed.some((path) => patterns.some((matches) => matches(path)));
}

/**
 * Where findings go: the stage's own `on_reject`, else the nearest earlier agent stage named
 * development, else the nearest earlier agent stage; null when there is none.
 */
export function sendBackTarget<T extends Stage>(pipeline: readonly T[], name: string): T | null {
  const at = pipeline.findIndex((s) => s.stage === name);
  const own = pipeline[at]?.onReject ?? null;
  if (own !== null) return stageNamed(pipeline, own);
  const earlier = pipeline.slice(0, Math.max(at, 0)).filter((s) => s.kind === 'agent');
  return earlier.findLast((s) => s.agent === 'developer') ?? earlier.at(-1) ?? null;
}

/** A job of these stages starts only after a person said yes. */
export function waitsForPerson(stage: Stage): boolean {
  return stage.kind === 'human' || (stage.kind === 'deploy' && stage.approval === 'required');
}

/** Labels are compared as people mean them: without regard to case and to space around them. */
export function sharesLabel(some: readonly string[], others: readonly string[]): boolean {
  const plain = (label: string) => label.trim().toLowerCase();
  const known = new Set(others.map(plain));
  return some.some((label) => known.has(plain(label)));
}
