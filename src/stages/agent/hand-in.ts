import { z } from 'zod';
import { type HandIn, type Observed, readHandIn } from '../../core/evidence.ts';
import { runName } from '../../core/model.ts';
import type { Trace } from '../../core/trace.ts';
import { readTrace, traceDemand } from '../../core/trace-file.ts';
import type { StageContext } from '../stage.ts';

/** Reads what the agent left in `.orch-work/` (or said as structured output); all of it untrusted. */
export async function collectHandIn(
  context: StageContext,
  structured: unknown,
): Promise<
  Pick<Observed, 'handIn' | 'handInProblem' | 'documents' | 'criteria' | 'requirements' | 'traceProblem'> & {
    readonly trace: Trace | null;
  }
> {
  const { workspace, project, task, run, job } = context;
  const key = task?.key ?? '';
  const written = await workspace.readWork(project.key, key, 'verdict.json');
  const read = readHandIn(written === null ? structured : parse(written), runName(run.id));
  const { files } = await workspace.listWork(project.key, key);
  const traceFile = await workspace.readWork(project.key, key, 'trace.json');
  const trace = readTrace(traceFile);
  const judged = read.kind === 'handed_in' ? read.handIn.acs.map((ac) => ac.id) : [];
  return {
    handIn: read.kind === 'handed_in' ? read.handIn : (null as HandIn | null),
    handInProblem: read.kind === 'missing' ? read.why : null,
    documents: Object.fromEntries(files.map((file) => [file.name, file.bytes])),
    ...traceOf(parse(traceFile ?? '{}')),
    trace: trace.kind === 'read' ? trace.trace : null,
    traceProblem: project.traced
      ? traceDemand(job.agent ?? '', trace, { judged, before: task?.trace ?? null })
      : null,
  };
}

/** Ids and texts of the criteria in `trace.json`, as far as it has them. */
export async function criteriaOf({
  workspace,
  project,
  task,
}: StageContext): Promise<{ id: string; text: string }[]> {
  if (task === null) return [];
  const text = await workspace.readWork(project.key, task.key, 'trace.json');
  const read = criteriaShape.safeParse(parse(text ?? '{}'));
  return read.success ? read.data.acs : [];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return { notJson: true }; // fails the schema with a reason the agent can read
  }
}

const criteriaShape = z.object({
  acs: z.array(z.object({ id: z.string().max(100), text: z.string().max(2000).default('') })).max(200),
});
const idList = z.array(z.string().max(100)).max(200).default([]);
const traceShape = z.object({
  acs: z
    .array(z.object({ id: z.string().max(100) }))
    .max(200)
    .default([])
    .catch([]),
  trs: z
    .array(z.object({ id: z.string().max(100), acs: idList }))
    .max(500)
    .default([])
    .catch([]),
});

/** What `trace.json` names; a part that is not in its shape counts as absent. */
function traceOf(document: unknown): Pick<Observed, 'criteria' | 'requirements'> {
  const read = traceShape.safeParse(document);
  return read.success
    ? { criteria: read.data.acs.map((ac) => ac.id), requirements: read.data.trs }
    : { criteria: [], requirements: [] };
}
