import { useQuery } from '@tanstack/react-query';
import { accountsQuery, explainQuery, nowQuery } from '../api/queries.ts';
import { needsYouOf } from '../lib/needs-you.ts';
import type { Screen } from './screens.ts';

export interface Count {
  readonly n: number;
  readonly isHot: boolean;
  readonly words: string;
}

/** The numbers beside the entries: what needs a person, and what has not started. */
export function useCounts(project: string | undefined): Partial<Record<Screen['id'], Count>> {
  const explain = useQuery(explainQuery(project)).data;
  const accounts = useQuery(accountsQuery()).data;
  const stalled = (useQuery(nowQuery(project)).data?.inbox ?? []).filter(
    ({ kind }) => kind === 'stalled',
  ).length;
  if (explain === undefined || explain.verdict === 'unknown') return {};
  const { queued, waiting, needsYou } = explain.counts;
  const out = accounts?.accounts.filter((a) => a.hold?.code === 'account.signed_out').length ?? 0;
  const inbox = needsYouOf(explain).length + stalled;
  return {
    ...(inbox > 0 ? { now: { n: inbox, isHot: true, words: 'need you' } } : {}),
    ...(queued + waiting + needsYou > 0
      ? { queue: { n: queued + waiting + needsYou, isHot: false, words: 'not started' } }
      : {}),
    ...(out > 0 ? { accounts: { n: out, isHot: true, words: 'signed out' } } : {}),
  };
}
