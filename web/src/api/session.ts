import { useQuery } from '@tanstack/react-query';
import { ApiError, del, get } from './client.ts';

export type Role = 'viewer' | 'operator' | 'admin';

/** What the page offers, and the least role for it; the server decides by its own table. */
const LEAST = {
  submit: 'operator',
  approve: 'operator',
  reject: 'operator',
  retry: 'operator',
  cancel: 'operator',
  answer: 'operator',
  tick: 'operator',
  urgent: 'operator',
  pause: 'operator',
  resume: 'operator',
  'account.check': 'operator',
  'outbox.retry': 'operator',
  'outbox.drop': 'operator',
  'account.trust': 'admin',
  'user.list': 'admin',
  'user.invite': 'admin',
  'user.role': 'admin',
  'user.disable': 'admin',
  'token.create': 'admin',
  'audit.read': 'admin',
  'config.read': 'admin',
} as const satisfies Record<string, Role>;
export type Action = keyof typeof LEAST;

export interface Me {
  readonly name: string;
  readonly role: Role;
  readonly actions: readonly string[];
}

export function sessionQuery() {
  return {
    queryKey: ['session'],
    queryFn: async ({ signal }: { signal: AbortSignal }): Promise<Me> => {
      try {
        return await get<Me>('/session', {}, signal);
      } catch (error) {
        if (error instanceof ApiError && error.status === 404)
          return { name: 'local', role: 'admin', actions: Object.keys(LEAST) };
        throw error;
      }
    },
    staleTime: 60_000,
  };
}

export function useMe(): Me | null {
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
