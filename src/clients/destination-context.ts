import type { Clock } from '../lib/clock.ts';
import type { VendorAccess } from './vendor-access.ts';

/** What the tracker or forge of a project is created with. */
export interface DestinationContext {
  readonly project: string;
  /** Git address of the project. */
  readonly repo: string;
  /** What orch.yaml says under `tracker` or `forge`, checked by `keys` and with its defaults; parse it for its type. */
  readonly config: unknown;
  readonly access: VendorAccess;
  readonly clock: Clock;
  /** One value per name and configuration: how adapters of one vendor share a client and its limits. */
  once<T>(name: string, make: () => T): T;
}
