import type { Secret } from '../lib/secret.ts';

/** Where the vendors are and how Orch signs in there; null = not set. Addresses have no trailing slash. */
export interface VendorAccess {
  readonly gitea: HostAccess;
  readonly github: HostAccess;
  readonly plane: {
    readonly url: string | null;
    readonly workspace: string | null;
    readonly apiToken: Secret | null;
  };
}

export interface HostAccess {
  readonly url: string | null;
  readonly token: Secret | null;
  /** Of the second account, which writes reviews: an author may not approve its own pull request. */
  readonly reviewerToken: Secret | null;
}
