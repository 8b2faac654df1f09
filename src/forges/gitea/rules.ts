import type { GiteaPlace } from '../../clients/gitea/gitea-place.ts';
import { branch, protection } from '../../clients/gitea/wire.ts';
import { isStatus, path } from '../../lib/http-client.ts';

/** What the base branch asks of a merge. */
export interface BaseRules {
  readonly approvals: number;
  /** Patterns of the contexts that have to be green. */
  readonly contexts: readonly string[];
  /** Null: only administrators are told. */
  readonly blocksOnRejected: boolean | null;
  readonly blocksOnOutdated: boolean | null;
}

/** Null when the branch is not there, or not for us to read. */
export async function rulesOf(
  { client, at }: GiteaPlace,
  base: string,
  signal?: AbortSignal,
): Promise<BaseRules | null> {
  const below = path`/repos/${at.owner}/${at.name}`;
  const end = signal === undefined ? {} : { signal };
  const orNull = (error: unknown) => {
    if (isStatus(error, 403, 404)) return null;
    throw error;
  };
  const found = await client
    .one(branch, { method: 'GET', path: `${below}${path`/branches/${base}`}`, ...end })
    .catch(orNull);
  if (found === null) return null;
  // Its name is told to administrators alone; a rule is mostly named as the branch is.
  const name = found.effective_branch_protection_name || base;
  const request = { method: 'GET', path: `${below}${path`/branch_protections/${name}`}`, ...end } as const;
  const more = found.protected ? await client.one(protection, request).catch(orNull) : null;
  const unknown = found.protected ? null : false;
  return {
    approvals: found.required_approvals,
    contexts: found.enable_status_check ? found.status_check_contexts : [],
    blocksOnRejected: more?.block_on_rejected_reviews ?? unknown,
    blocksOnOutdated: more?.block_on_outdated_branch ?? unknown,
  };
}

/** As Gitea matches contexts: `*` and `?` go over slashes, `[ab]` and `{a,b}` choose. */
export function isContext(pattern: string, context: string): boolean {
  let depth = 0;
  const source = pattern.replaceAll(/\\.|\*+|\?|\[!?[^\]]+\]|[{},]|[^\w]/g, (part) => {
    if (part.startsWith('*')) return '.*';
    if (part === '?') return '.';
    if (part.length > 2 && part.startsWith('[')) return part.replace(/^\[!/, '[^').replaceAll('\\', '\\\\');
    if (part === '{') return ++depth > 0 ? '(?:' : '';
    if (part === '}' && depth > 0) return --depth >= 0 ? ')' : '';
    if (part === ',' && depth > 0) return '|';
    return `\\${part.replace(/^\\/, '')}`;
  });
  try {
    return new RegExp(`^${source}$`, 's').test(context);
  } catch {
    return pattern === context; // no pattern that Gitea could read either
  }
}
