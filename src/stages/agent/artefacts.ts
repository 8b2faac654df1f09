import { putFile } from '../../workspace/copied-files.ts';
import type { StageContext } from '../stage.ts';

const DOCUMENTS = ['analysis.md', 'architecture.md', 'review.md', 'testing.md', 'trace.json'];

/** With `artefacts: branch` the documents of a task are committed beside its work as well. */
export async function putArtefacts({ workspace, project, task }: StageContext): Promise<void> {
  if (task === null) return;
  for (const name of DOCUMENTS) {
    const text = await workspace.readWork(project.key, task.key, name);
    const to = `docs/work-items/${task.key}/${name}`;
    if (text !== null) await putFile(workspace.pathOf(project.key, task.key), to, text);
  }
}
