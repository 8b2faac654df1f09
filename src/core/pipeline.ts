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
}

export function stageNamed<T extends Stage>(pipeline: readonly T[], name: string): T | null {
  return pipeline.find((s) => s.stage === name) ?? null;
}

export function stageAfter<T extends Stage>(pipeline: readonly T[], name: string): T | null {
  const at = pipeline.findIndex((s) => s.stage === name);
  return at < 0 ? null : (pipeline[at + 1] ?? null);
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
