import type { DestinationContext } from '../clients/destination-context.ts';
import type { DestinationKind } from '../core/destination-kind.ts';
import type { Secret } from '../lib/secret.ts';
import type { Forge } from './forge.ts';

/** One kind of forge, as the registry lists it. */
export interface ForgeKind extends DestinationKind {
  /** Asks nobody anything: what is wrong out there shows at the first request. */
  create(context: DestinationContext): Forge;
  /**
   * How git signs in at the project's repository, when that lies on this forge's own host; null = as it would
   * without the forge (ssh, credentials in the address).
   */
  gitCredentials(context: DestinationContext): GitCredentials | null;
}

export interface GitCredentials {
  /** With its port, when the address has one. */
  readonly host: string;
  readonly username: string;
  readonly password: Secret;
}
