import { z } from 'zod';
import { type GiteaPlace, isStatus } from '../../clients/gitea/gitea-place.ts';
import { type GiteaIssue, issue } from '../../clients/gitea/wire.ts';
import { isSameRepository } from '../../clients/repository-name.ts';
import { path } from '../../lib/http-client.ts';
import { issueNumbersIn } from '../dependency-lines.ts';

export interface Blocker {
  readonly key: string;
  readonly isOpen: boolean;
}

export interface Blockers {
  /** What has to be done before the issue. `open`: every open issue of the repository, when they are known. */
  of(found: GiteaIssue, open?: ReadonlySet<number>, signal?: AbortSignal): Promise<Blocker[]>;
}

const dependency = issue.extend({ repository: z.object({ full_name: z.string() }).nullish() });

/** Gitea's own dependencies, where the server and the repository have them, and what the text says. */
export function createBlockers(
  { client, at }: GiteaPlace,
  project: string,
  keyOf: (number: number) => string,
): Blockers {
  const issues = path`/repos/${at.owner}/${at.name}/issues`;
  /** Switched off for the repository, or a server without them: not asked again before the next start. */
  let hasDependencies = true;

  async function dependencies(number: number, signal?: AbortSignal): Promise<Blocker[]> {
    if (!hasDependencies) return [];
    try {
      const request = {
        method: 'GET',
        path: `${issues}/${number}/dependencies`,
        ...(signal && { signal }),
      } as const;
      const found = await client.one(z.array(dependency), request);
      return found.map((each) => {
        const place = each.repository?.full_name;
        const isHere = place === undefined || isSameRepository(at, place);
        return {
          key: isHere ? keyOf(each.number) : `${place}#${each.number}`,
          isOpen: each.state === 'open',
        };
      });
    } catch (error) {
      if (!isStatus(error, 404)) throw error;
      hasDependencies = false;
      return [];
    }
  }

  async function isOpen(number: number, open: ReadonlySet<number> | undefined, signal?: AbortSignal) {
    if (open?.has(number) === true) return true;
    const request = { method: 'GET', path: `${issues}/${number}`, ...(signal && { signal }) } as const;
    const found = await client.find(at, issue, request);
    return found === null ? null : found.state === 'open';
  }

  return {
    async of(found, open, signal) {
      const blockers = new Map<string, Blocker>();
      for (const each of await dependencies(found.number, signal)) blockers.set(each.key, each);
      for (const number of issueNumbersIn(found.body, project, at)) {
        const key = keyOf(number);
        if (number === found.number || blockers.has(key)) continue;
        const state = await isOpen(number, open, signal);
        // A number that nobody has is a slip of the pen, and would hold the issue for ever.
        if (state !== null) blockers.set(key, { key, isOpen: state });
      }
      return [...blockers.values()];
    },
  };
}
