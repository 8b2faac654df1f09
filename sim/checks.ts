/** What others than Orch say of commits on a forge: their checks, and how each repository wants its merges. */
import { deciding } from '../src/core/forge-news.ts';
import type { ForgeCheck } from '../src/forges/forge.ts';
import type { VirtualClock } from './clock.ts';
import type { Random } from './random.ts';

export interface Checks {
  of(project: string, head: string): ForgeCheck[];
  /** Something failed or still runs that decides over a merge. */
  areHeld(project: string, head: string): boolean;
  /** The repository wants a branch to hold its base before it is merged. */
  isStrict(project: string): boolean;
}

/** `isKind`: somebody has run what had failed again. */
export function createChecks(parts: {
  projects: readonly string[];
  clock: VirtualClock;
  random: Random;
  isKind: () => boolean;
}): Checks {
  const { clock, random, isKind } = parts;
  const runs = new Map<string, { readonly endsAt: number; readonly isRed: boolean }>();
  const manners = new Map(
    parts.projects.map((project) => [
      project,
      {
        names: random.pick([[], ['build'], ['build', 'lint']]),
        required: random.pick([null, true]),
        isStrict: random.chance(0.4),
      },
    ]),
  );
  const self: Checks = {
    of(project, head) {
      const { names = [], required = null } = manners.get(project) ?? {};
      return names.map((name): ForgeCheck => {
        const key = `${project} ${head} ${name}`;
        const run = runs.get(key) ?? {
          endsAt: clock.elapsed() + random.between(0, 40 * 60_000),
          isRed: random.chance(0.15),
        };
        runs.set(key, run);
        const state =
          clock.elapsed() < run.endsAt ? 'pending' : run.isRed && !isKind() ? 'failure' : 'success';
        return { name, state, required, url: null, detail: `error: ${name} of ${head.slice(0, 7)}` };
      });
    },
    areHeld(project, head) {
      const { red, pending } = deciding(self.of(project, head));
      return red.length + pending.length > 0;
    },
    isStrict: (project) => manners.get(project)?.isStrict === true,
  };
  return self;
}
