import type { ReserveNow } from '../core/reserve.ts';
import { hoursAt } from './hours.ts';
import type { ReserveConfig } from './types.ts';

/** What an account keeps for people at an instant, by this machine's clock; null = nothing. */
export function reserveAt(reserve: ReserveConfig | null, now: number): ReserveNow | null {
  if (reserve === null) return null;
  const { fiveHour, sevenDay, hours } = reserve;
  const span = hours === null ? { until: null } : hoursAt(hours, now);
  return span === null ? null : { fiveHour, sevenDay, until: span.until };
}
