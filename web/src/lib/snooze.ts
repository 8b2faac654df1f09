import { useQuery } from '@tanstack/react-query';
import type { SnoozeWire } from '../../../src/http/contract.ts';
import { useAct } from '../api/actions.ts';
import { ask } from '../api/queries.ts';
import type { ReasonWire } from './needs-you.ts';

/** A reason, or a live run that is silent for too long. */
export interface Snoozable {
  readonly code: string;
  readonly scope: Pick<ReasonWire['scope'], 'kind' | 'id'>;
}

/** What this person put off, as far as the server says that it is in force; it holds and counts as before. */
export function useSnoozed(): readonly SnoozeWire[] {
  return useQuery(ask(['explain', 'snoozes'], '/snoozes')).data?.snoozes ?? [];
}

export function isSnoozed(snoozed: readonly SnoozeWire[], { code, scope }: Snoozable): boolean {
  return snoozed.some((each) => each.code === code && each.kind === scope.kind && each.id === scope.id);
}

/** Puts a reason off for an hour. */
export function useSnooze(): (reason: Snoozable) => void {
  const act = useAct('snooze');
  return ({ code, scope }) => act.mutate({ code, kind: scope.kind, id: scope.id });
}
