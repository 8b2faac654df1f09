import { Secret } from '../../lib/secret.ts';
import type { VendorAccess } from '../vendor-access.ts';

/** What a tracker or forge in a repository on this GitHub is created with; `reviewer: null` = no second account. */
export function githubContext(
  github: { readonly url: string; readonly gitUrl: string; token(login: string): string },
  given: {
    readonly config?: Readonly<Record<string, unknown>>;
    readonly reviewer?: null;
    readonly token?: string;
    readonly clock?: () => number;
  } = {},
) {
  const { config = {}, clock = Date.now } = given;
  const made = new Map<string, unknown>();
  const token = new Secret(given.token ?? github.token('orch'));
  const access: VendorAccess = {
    gitea: { url: null, token: null, reviewerToken: null },
    github: {
      ...{ url: github.url, token },
      reviewerToken: given.reviewer === null ? null : new Secret(github.token('reviewer')),
    },
    plane: { url: null, workspace: null, apiToken: null },
  };
  return {
    ...{ project: 'wid', repo: github.gitUrl, config, clock, access },
    once<T>(name: string, make: () => T): T {
      if (!made.has(name)) made.set(name, make());
      return made.get(name) as T;
    },
  };
}
