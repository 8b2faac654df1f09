import { useQuery } from '@tanstack/react-query';
import type { NowWire } from '../../../src/http/contract.ts';
import { nowQuery } from '../api/queries.ts';
import { useProject } from './search.ts';

/** The pauses in force, whether they hold a job or not. */
export function usePauses(): NowWire['pauses'] {
  return useQuery(nowQuery(useProject())).data?.pauses ?? [];
}
