import type { Secret } from '../lib/secret.ts';
import type { VendorAccess } from './vendor-access.ts';

/**
 * A vendor as `orch doctor` and `orch init` know it: one group of checks, the questions that have to be answered
 * before it can be used, and its webhook. What doctor asks changes nothing there.
 */
export interface VendorKind {
  /** Name of doctor's group, and of the route of its webhook. */
  readonly kind: string;
  /** Every trouble with its fix; what depends on a failed check is left out. */
  inspect(context: VendorContext): AsyncGenerator<VendorFinding>;
  /** What init asks when a tracker or forge of this kind is wanted. */
  readonly questions: readonly VendorQuestion[];
  /**
   * Makes its webhook for one project, or mends the one that is there, with this secret. Says what was done.
   * Null: the vendor has no call for it, and its page tells what to do.
   */
  readonly addWebhook:
    | ((context: VendorContext, project: VendorProject, secret: string) => Promise<string>)
    | null;
}

export interface VendorFinding {
  readonly state: 'ok' | 'warning' | 'error' | 'skipped';
  readonly text: string;
  readonly fix: string | null;
}

export interface VendorQuestion {
  /** As in orch.yaml: `gitea_url`. Secrets go to the secrets file, as `ORCH_GITEA_TOKEN`. */
  readonly setting: string;
  readonly text: string;
  readonly isSecret: boolean;
  readonly isOptional: boolean;
}

export interface VendorContext {
  readonly access: VendorAccess;
  readonly webhookSecret: Secret | null;
  /** Where vendors reach this installation; null = not told. */
  readonly publicUrl: string | null;
  /** Those that have their tracker or forge there. */
  readonly projects: readonly VendorProject[];
  readonly now: () => number;
  /** When a delivery of this kind was last taken or refused by the running server; null = it is not running. */
  readonly heard: (() => Promise<Heard>) | null;
}

export interface VendorProject {
  readonly key: string;
  /** Git address. */
  readonly repo: string;
  /** What orch.yaml says under `tracker` and `forge`; null when they are of another kind. */
  readonly tracker: object | null;
  readonly forge: object | null;
}

export interface Heard {
  readonly takenAt: number | null;
  readonly refusedAt: number | null;
}
