import type { Explain } from '../../../src/http/contract.ts';

export type ReasonWire = Explain['reasons'][number];

/** The inbox: every reason that holds until a person acts. */
export function needsYouOf(explain: Explain): ReasonWire[] {
  return explain.reasons.filter((reason) => reason.state === 'needs_you');
}
