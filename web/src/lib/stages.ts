import type { JobWire, ProjectWire, TaskDetailWire } from '../../../src/http/contract.ts';
import type { StageShown } from '../ui/stage-strip.tsx';
import type { StateName } from '../ui/tone.tsx';

/** The stages of a task's pipeline with what became of each; a job of a stage of none is put at the end. */
export function stagesOf(task: TaskDetailWire, projects: readonly ProjectWire[]): StageShown[] {
  const pipeline = projects
    .find(({ key }) => key === task.project)
    ?.pipelines.find(({ name }) => name === task.pipeline)?.stages;
  const known = pipeline ?? [];
  const extra = task.jobs.flatMap(({ stage }) =>
    stage !== null && !known.some((each) => each.stage === stage) ? [stage] : [],
  );
  const names = [...known.map(({ stage }) => stage), ...new Set(extra)];
  const isOver = task.status === 'done' || task.status === 'cancelled';
  return names.map((stage) => {
    const jobs = task.jobs.filter((job) => job.stage === stage);
    const latest = jobs.at(-1);
    return {
      stage,
      state: stateOfStage(latest),
      isCurrent: !isOver && task.stage === stage,
      needsApproval: known.find((each) => each.stage === stage)?.kind !== 'agent' && latest === undefined,
      from: latest?.startedAt ?? null,
      to: latest?.finishedAt ?? null,
      usualMs: task.usualMs[stage] ?? null,
    };
  });
}

function stateOfStage(job: JobWire | undefined): StateName {
  if (job === undefined) return 'queued';
  if (job.status !== 'queued') return job.status;
  return job.hold === null || job.hold.code === 'queue.position' ? 'queued' : job.hold.state;
}
