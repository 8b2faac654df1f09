import { useQuery } from '@tanstack/react-query';
import type { LeastRoles, MeWire, Role } from '../../../src/http/contract.ts';
import { del, get } from './client.ts';

/** What the page offers, and the least role for it: a copy that compiles only while it agrees with the server's. */
const LEAST = {
  submit: 'operator',
  approve: 'operator',
  reject: 'operator',
  retry: 'operator',
  cancel: 'operator',
  answer: 'operator',
  comment: 'operator',
  tick: 'operator',
  urgent: 'operator',
  pause: 'operator',
  resume: 'operator',
  'account.check': 'operator',
  'outbox.retry': 'operator',
  'intake.accept': 'operator',
  'account.trust': 'admin',
  'account.use_last_good': 'admin',
  upkeep: 'admin',
  'user.list': 'admin',
  'user.invite': 'admin',
  'user.role': 'admin',
  'user.disable': 'admin',
  'token.own': 'viewer',
  'audit.read': 'admin',
  'config.read': 'admin',
  'config.write': 'admin',
  'notify.test': 'admin',
} as const satisfies Partial<LeastRoles>;
export type Action = keyof typeof LEAST;

export function sessionQuery() {
  return {
    queryKey: ['session'],
    queryFn: async ({ signal }: { signal: AbortSignal }): Promise<MeWire> =>
      (await get('/session', { signal })).me,
    staleTime: 60_000,
  };
}

export function useMe(): MeWire | null {
  return useQuery(sessionQuery()).data ?? null;
}

export function useMay(action: Action): { isAllowed: boolean; least: Role } {
  const me = useMe();
  const least = LEAST[action];
  return { isAllowed: me?.actions.includes(action) === true, least };
}

/** Ends this session; the page then starts over, with nothing of it in memory. */
export function useSignOut(): () => void {
  return () => {
    void del('/session').finally(() => window.location.assign('/sign-in'));
  };
}
