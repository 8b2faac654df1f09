import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { Body, PathOf } from '../../../src/http/contract.ts';
import { copy } from '../copy.ts';
import { announce } from '../frame/announcer.tsx';
import { toast } from '../ui/toast.tsx';
import { del, post, write } from './client.ts';

/** What a person can ask for, by the path of the API that does it, with what the page always says. */
interface Actions {
  approve: Said<'/approve', 'commit'>;
  reject: Said<'/reject', 'reason'>;
  retry: Said<'/retry'>;
  cancel: Said<'/cancel'>;
  answer: Said<'/answer', 'note'>;
  comment: Said<'/comment', 'note'>;
  tick: Said<'/tick'>;
  urgent: Said<'/urgent', 'urgent'>;
  pause: Said<'/pause', 'id' | 'note' | 'forMs'>;
  resume: Said<'/resume', 'id'>;
  stop: Said<'/stop', 'scope' | 'id' | 'note' | 'forMs'>;
  items: Said<'/items', 'body' | 'urgent'>;
  'outbox/retry': Said<'/outbox/retry', 'destination'>;
  'intake/accept': Said<'/intake/accept', 'project' | 'first'>;
  snooze: Said<'/snooze'>;
}
/** A body in which `Must` may not be left to its default. */
type Said<P extends PathOf<'POST'>, Must extends keyof Body<`POST ${P}`> = never> = Body<`POST ${P}`> &
  Required<Pick<Body<`POST ${P}`>, Must>>;

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
    mutationFn: (body: Actions[K]) => write(`/${action}`, { body }),
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

/** Looks at an account again, or takes the version of its CLI for good, or goes back to the last good one. */
export function useAccountAct(
  what: 'check' | 'trust' | 'use-last-good',
  options: { isQuiet?: boolean } = {},
) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => write(`/accounts/{id}/${what}`, { params: { id } }),
    onError: (error) => {
      if (options.isQuiet !== true) toast({ text: error.message, error });
    },
    onSettled: () => client.invalidateQueries(),
  });
}

/** Begins to clean up what retention gives free; how far it got is on Health. */
export function useUpkeep() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => post('/upkeep'),
    onSuccess: () => toast({ text: copy.action.cleaning }),
    onError: (error) => toast({ text: error.message, error }),
    onSettled: () => client.invalidateQueries(),
  });
}

/** Ends a session or revokes a token of one's own, and shows the list anew. */
export function useEnd(what: 'sessions' | 'tokens') {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: number) => del(`/${what}/{id}`, { params: { id } }),
    onError: (error) => toast({ text: error.message, error }),
    onSettled: () => client.invalidateQueries({ queryKey: [what] }),
  });
}
