import { type HandIn, type Observed, readHandIn } from '../../core/evidence.ts';
import { runName } from '../../core/model.ts';
import type { StageContext } from '../stage.ts';

/** Reads what the agent left in `.orch-work/` (or said as structured output); all of it untrusted. */
export async function collectHandIn(
  context: StageContext,
  structured: unknown,
): Promise<Pick<Observed, 'handIn' | 'handInProblem' | 'documents' | 'criteria'>> {
  const { workspace, project, task, run } = context;
  const key = task?.key ?? '';
  const written = await workspace.readWork(project.key, key, 'verdict.json');
  const read = readHandIn(written === null ? structured : parse(written), runName(run.id));
  const { files } = await workspace.listWork(project.key, key);
  return {
    handIn: read.kind === 'handed_in' ? read.handIn : (null as HandIn | null),
    handInProblem: read.kind === 'missing' ? read.why : null,
    documents: Object.fromEntries(files.map((file) => [file.name, file.bytes])),
    criteria: criteriaOf(parse((await workspace.readWork(project.key, key, 'trace.json')) ?? '{}')),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return { notJson: true }; // fails the schema with a reason the agent can read
  }
}

function criteriaOf(trace: unknown): string[] {
  if (typeof trace !== 'object' || trace === null || !('acs' in trace) || !Array.isArray(trace.acs))
    return [];
  return trace.acs
    .flatMap((ac: unknown) =>
      typeof ac === 'object' && ac !== null && 'id' in ac && typeof ac.id === 'string' ? [ac.id] : [],
    )
    .slice(0, 200);
}
