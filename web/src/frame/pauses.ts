import { useQuery } from '@tanstack/react-query';
import type { PauseWire } from '../../../src/http/contract.ts';
import { ask } from '../api/queries.ts';

/** The pauses in force, whether they hold a job or not. */
export function usePauses(): readonly PauseWire[] {
  return useQuery(ask<{ pauses: PauseWire[] }>(['pauses'], '/pauses')).data?.pauses ?? [];
}
