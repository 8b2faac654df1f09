import { AppError } from '../core/errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { RestoreTarget, Workspace } from '../workspace/workspace.ts';
import type { Runtime } from './runtime.ts';

/** Salvaged work of all projects: what was kept before a reset, a removal, or after a run that did not count. */
export function createSalvage(parts: { workspace: Workspace; runtime: () => Runtime; clock: Clock }) {
  const { workspace } = parts;

  function projectsMeant(project: string | null): string[] {
    const known = [...parts.runtime().projects.keys()];
    if (project === null) return known;
    if (!known.includes(project))
      throw new AppError(`there is no project ${project}`, {
        code: 'project.unknown',
        hint: `one of ${known.join(', ')}`,
      });
    return [project];
  }

  /** Run names are unique over projects, so a name alone finds its salvage. */
  async function find(name: string) {
    for (const project of projectsMeant(null)) {
      const found = (await workspace.listSalvage(project)).find((entry) => entry.name === name);
      if (found !== undefined) return found;
    }
    throw new AppError(`there is no salvage ${name}`, { code: 'not_found', hint: 'orch salvage list' });
  }

  return {
    async list(project: string | null) {
      const all = await Promise.all(projectsMeant(project).map((each) => workspace.listSalvage(each)));
      return all.flat().sort((a, b) => b.at - a.at);
    },
    async show(name: string) {
      const entry = await find(name);
      return workspace.showSalvage(entry.note.project, name);
    },
    /** Brings it back into a new or empty folder, or onto a new branch of Orch's repository. */
    async restore(name: string, target: RestoreTarget) {
      const entry = await find(name);
      const repository = parts.runtime().projects.get(entry.note.project)?.repository;
      if (repository === undefined)
        throw new AppError(`project ${entry.note.project} is not in the configuration`, {
          code: 'project.unknown',
          hint: 'add it to orch.yaml',
        });
      return workspace.restoreSalvage(repository, name, target);
    },
    /** Forgets what is older; returns the names. */
    async prune(project: string | null, olderThanMs: number) {
      const before = new Date(parts.clock() - olderThanMs);
      const all = await Promise.all(
        projectsMeant(project).map((each) => workspace.pruneSalvage(each, before)),
      );
      return all.flat();
    },
  };
}
