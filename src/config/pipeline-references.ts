import { FULL, QUICK } from '../core/pipeline-choice.ts';
import type { Finding } from './problems.ts';
import { type Mapping, mapping, type Path } from './raw.ts';

/** Rules between the further pipelines of a project, and between `full` and `pipeline`. */
export function checkPipelines(path: Path, pipelines: Mapping, hasPipeline: boolean): Finding[] {
  return Object.entries(pipelines).flatMap(([name, value]) => {
    if (Array.isArray(value)) return []; // the schema says what it should be
    const here = [...path, name];
    const { stages, when } = mapping(value);
    const found: Finding[] = [];
    // A mapping lists such keys first, whatever the file says, and its order is what chooses.
    if (/^\d+$/.test(name))
      found.push({
        path: here,
        problem: 'is a number, which loses its place in the order of the file',
        fix: 'begin the name with a letter',
        hideValue: true,
      });
    if (stages === undefined && name !== FULL && name !== QUICK)
      found.push({
        path: [...here, 'stages'],
        problem: 'is missing',
        fix: 'list its stages as in pipeline; only quick and full have stages of their own',
        hideValue: true,
      });
    if (stages !== undefined && name === FULL && hasPipeline)
      found.push({
        path: [...here, 'stages'],
        problem: 'is there twice: pipeline has the stages of full',
        fix: 'keep one of the two',
      });
    if (when !== undefined && asksForNothing(mapping(when)))
      found.push({
        path: [...here, 'when'],
        problem: 'asks for nothing',
        fix: 'name labels or a size; without when the pipeline is taken only by its name',
      });
    return found;
  });
}

function asksForNothing({ labels, size }: Mapping): boolean {
  return [labels, size].every((value) => value === undefined || (Array.isArray(value) && value.length === 0));
}
