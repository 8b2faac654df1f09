import { useMutation, useQueryClient } from '@tanstack/react-query';
import { announce } from '../frame/announcer.tsx';
import { toast } from '../ui/toast.tsx';
import { del, post } from './client.ts';

/** What a person can ask for, by the path of the API that does it. */
interface Actions {
  approve: { target: string; commit: string | null };
  reject: { target: string; reason: string };
  retry: { target: string; note?: string | null; fromStage?: string | null; account?: string | null };
  cancel: { target: string; now?: boolean };
  answer: { target: string; note: string };
  tick: { target: string; tests: readonly string[] };
  urgent: { target: string; urgent: boolean };
  pause: { scope: 'all' | 'project' | 'account'; id: string; note: string; forMs: number | null };
  resume: { scope: 'all' | 'project' | 'account'; id: string };
  stop: { scope: 'all' | 'project' | 'account'; id: string; now: boolean };
  items: { project: string; title: string; body: string; urgent: boolean };
  'outbox/retry': { destination: string };
  snooze: { code: string; kind: string; id: string };
}

/**
 * One action. Nothing on the page changes before the server has confirmed it; then everything is asked for
 * anew. A refusal is shown where the caller wants it, else as a notice.
 */
export function useAct<K extends keyof Actions>(
  action: K,
  options: { isQuiet?: boolean; done?: string } = {},
) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Actions[K]) => post<unknown>(`/${action}`, body),
    onSuccess: () => {
      if (options.done !== undefined) {
        announce(options.done);
        toast({ text: options.done });
      }
    },
    onError: (error) => {
      if (options.isQuiet !== true) toast({ text: error.message, error });
    },
    onSettled: () => client.invalidateQueries(),
  });
}

export function useCheckAccount(options: { isQuiet?: boolean } = {}) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => post<unknown>(`/accounts/${encodeURIComponent(id)}/check`),
    onError: (error) => {
      if (options.isQuiet !== true) toast({ text: error.message, error });
    },
    onSettled: () => client.invalidateQueries(),
  });
}

/** Ends a session or revokes a token of one's own, and shows the list anew. */
export function useEnd(what: 'sessions' | 'tokens') {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: number) => del(`/${what}/${id}`),
    onError: (error) => toast({ text: error.message, error }),
    onSettled: () => client.invalidateQueries({ queryKey: [what] }),
  });
}
