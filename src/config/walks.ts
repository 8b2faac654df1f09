import { FULL, type PipelineWhen } from '../core/pipeline-choice.ts';
import type { ProjectConfig, StageConfig } from './types.ts';

/** One pipeline of a project as its tasks walk it, the merge included. */
interface Walk {
  readonly name: string;
  readonly when: PipelineWhen | null;
  readonly stages: readonly StageConfig[];
}

/** In the order in which they are chosen from; `full` comes last unless the file places it. */
export function pipelinesOf({ pipeline, pipelines }: ProjectConfig): Walk[] {
  const named = Object.entries(pipelines);
  const all = named.some(([name]) => name === FULL)
    ? named
    : [...named, [FULL, { when: null, stages: null }] as const];
  return all.map(([name, { when, stages }]) => ({ name, when, stages: withMerge(stages ?? pipeline) }));
}

/** A pipeline without a deploy stage merges after its last stage: by itself only when it has a review. */
function withMerge(pipeline: readonly StageConfig[]): readonly StageConfig[] {
  const last = pipeline.at(-1);
  if (last === undefined || pipeline.some((stage) => stage.kind === 'deploy')) return pipeline;
  const reviewed = pipeline.some(
    ({ kind, agent, when }) => when === null && (kind === 'human' || agent === 'reviewer'),
  );
  const automatic = reviewed && last.merge === 'auto';
  return [
    ...pipeline,
    {
      ...last,
      stage: 'merge',
      kind: 'deploy',
      agent: null,
      onReject: null,
      account: null,
      reviewers: [],
      approval: automatic ? 'none' : 'required',
      // By hand means after a person's approval here: there is nothing else to wait for.
      merge: 'auto',
      command: null,
      prompt: null,
      checks: null,
      when: null,
    },
  ];
}
