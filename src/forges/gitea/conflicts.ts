import type { GiteaPull } from '../../clients/gitea/wire.ts';
import type { Clock } from '../../lib/clock.ts';

/** Gitea is through with its check of the same two commits by then. */
const CHECKED_AFTER_MS = 30_000;

/**
 * Whether a pull request conflicts with its base; null = not known. `mergeable: false` also stands for "still
 * checking" and for every draft, so it is believed once it has stayed so for the same two commits.
 */
export function createConflicts(now: Clock): (pull: GiteaPull) => boolean | null {
  const waiting = new Map<number, { readonly commits: string; readonly since: number }>();
  return (pull) => {
    const { number, mergeable, draft, head, base } = pull;
    if (mergeable || draft) {
      waiting.delete(number);
      return mergeable ? false : null;
    }
    const commits = `${head.sha} ${base.sha}`;
    const known = waiting.get(number);
    if (known?.commits === commits) return now() - known.since >= CHECKED_AFTER_MS ? true : null;
    waiting.set(number, { commits, since: now() });
    return null;
  };
}
