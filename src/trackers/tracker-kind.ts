import type { ZodRawShape } from 'zod';
import type { VendorAccess } from '../clients/vendor-access.ts';
import type { Clock } from '../lib/clock.ts';
import type { Tracker } from './tracker.ts';

/** One kind of tracker, as the registry lists it. */
export interface TrackerKind {
  readonly kind: string;
  /** Keys under `projects.KEY.tracker` beside `kind`, each with its description; zod, strict. */
  readonly keys: ZodRawShape;
  /** Settings without which it cannot work, by their name in orch.yaml (`gitea_url`). */
  readonly needs: readonly string[];
  /** What is wrong with the keys together, or with the git address beside them; each by its key, with the fix. */
  check?(
    keys: Readonly<Record<string, unknown>>,
    repo: string,
  ): readonly { readonly key: string; readonly problem: string; readonly fix: string }[];
  /** Asks nobody anything: what is wrong out there shows at the first request. */
  create(context: TrackerContext): Tracker;
}

export interface TrackerContext {
  readonly project: string;
  /** Git address of the project. */
  readonly repo: string;
  /** What orch.yaml says under `tracker`, checked by `keys` and with its defaults; parse it for its type. */
  readonly config: unknown;
  readonly access: VendorAccess;
  readonly clock: Clock;
  /** One value per name and configuration: how adapters of one vendor share a client and its limits. */
  once<T>(name: string, make: () => T): T;
}
