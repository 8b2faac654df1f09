import type { DestinationContext } from '../clients/destination-context.ts';
import type { DestinationKind } from '../core/destination-kind.ts';
import type { Tracker } from './tracker.ts';

/** One kind of tracker, as the registry lists it. */
export interface TrackerKind extends DestinationKind {
  /** Asks nobody anything: what is wrong out there shows at the first request. */
  create(context: DestinationContext): Tracker;
}
