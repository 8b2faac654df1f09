import { Secret } from '../lib/secret.ts';
import type { DestinationContext } from './destination-context.ts';
import type { VendorAccess } from './vendor-access.ts';

const NONE = { url: null, token: null, reviewerToken: null };

/** What the tracker or forge of the project `wid` is created with, where Orch knows of these vendors alone. */
export function destinationContext(
  access: Partial<VendorAccess>,
  fields: Partial<DestinationContext> = {},
): DestinationContext {
  const made = new Map<string, unknown>();
  return {
    ...{ project: 'wid', repo: '/srv/widgets.git', config: {}, clock: Date.now },
    access: {
      ...{ gitea: NONE, github: NONE, plane: { url: null, workspace: null, apiToken: null } },
      ...access,
    },
    once<T>(name: string, make: () => T): T {
      if (!made.has(name)) made.set(name, make());
      return made.get(name) as T;
    },
    ...fields,
  };
}

/** The same in the repository of this host, with both accounts unless others are given; `reviewer: null` = one alone. */
export function hostContext(
  kind: 'gitea' | 'github',
  host: { readonly url: string; readonly gitUrl: string; token(login: string): string },
  given: {
    readonly config?: Readonly<Record<string, unknown>>;
    readonly token?: string;
    readonly reviewer?: string | null;
    readonly clock?: () => number;
  } = {},
): DestinationContext {
  const { config = {}, clock = Date.now, token = host.token('orch') } = given;
  const reviewer = given.reviewer === undefined ? host.token('reviewer') : given.reviewer;
  const access = {
    ...{ url: host.url, token: new Secret(token) },
    reviewerToken: reviewer === null ? null : new Secret(reviewer),
  };
  return destinationContext({ [kind]: access }, { repo: host.gitUrl, config, clock });
}
