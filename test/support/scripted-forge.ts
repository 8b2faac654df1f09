import { execFileSync } from 'node:child_process';
import type { WrapForge } from '../../src/app.ts';
import type {
  CommitStatus,
  Forge,
  ForgeCheck,
  ForgeReview,
  MergeResult,
  ReviewToWrite,
} from '../../src/forges/forge.ts';

/** What a forge around a plain repository shows and hears, as a test writes it. */
export interface ForgeScript {
  checks: ForgeCheck[];
  reviews: ForgeReview[];
  /** Answers to merges; when there are none left, git merges. */
  merges: MergeResult[];
  readonly statuses: CommitStatus[];
  readonly told: ReviewToWrite[];
}

/** Forges of projects: merges are git's, everything else is as the script of the project says. */
export function scriptedForges(repository: () => string): {
  readonly wrap: WrapForge;
  of(project: string): ForgeScript;
} {
  const scripts = new Map<string, ForgeScript>();
  function of(project: string): ForgeScript {
    const script = scripts.get(project) ?? { checks: [], reviews: [], merges: [], statuses: [], told: [] };
    scripts.set(project, script);
    return script;
  }
  return {
    of,
    wrap: (forge, project): Forge => ({
      ...forge,
      feed: { isAbout: (place) => place === project, comments: async () => [] },
      async status(status) {
        of(project).statuses.push(status);
      },
      async review(_pr, review) {
        of(project).told.push(review);
      },
      async look(request) {
        const standing = await forge.look(request);
        if (standing.kind !== 'open') return standing;
        const { checks, reviews } = of(project);
        const head = headOf(repository(), request.branch);
        return { kind: 'open', pull: { head, base: request.base, reviews, checks, conflict: null } };
      },
      merge: (request) => {
        const scripted = of(project).merges.shift();
        return scripted === undefined ? forge.merge(request) : Promise.resolve(scripted);
      },
    }),
  };
}

function headOf(repository: string, branch: string): string | null {
  const args = ['-C', repository, 'for-each-ref', '--format=%(objectname)', `refs/heads/${branch}`];
  return execFileSync('git', args, { encoding: 'utf8' }).trim() || null;
}
