import type { z } from 'zod';
import type { JobFilter } from '../core/filters.ts';
import type { Job } from '../core/model.ts';
import type { Engine } from '../engine/engine.ts';
import type { Page } from '../store/store.ts';
import { type jobsQuery, MAX_LIMIT } from './contract.ts';
import { given } from './given.ts';

/** Queued jobs looked at in one step when they are asked for by what holds them. */
const MAX_HELD = 20_000;

/** Jobs as a list or a bulk action asks for them. */
export function createJobSearch(engine: Engine) {
  const { store } = engine;

  return async function search(query: z.infer<typeof jobsQuery>): Promise<Page<Job>> {
    const { sort, limit, state, reason, ...filter } = given(query);
    const asked = { ...filter, limit: Math.min(limit, MAX_LIMIT), newestFirst: sort === '-id' };
    return state === undefined && reason === undefined
      ? store.jobs(asked)
      : inState(asked, state ?? null, reason ?? null);
  };

  /** By what holds them: only the explanation knows, so all that are queued are looked at. */
  async function inState(filter: JobFilter, states: readonly string[] | null, reason: string | null) {
    const { explanation } = await engine.explain({ project: filter.project ?? null });
    const held = new Map(
      explanation.reasons.flatMap((each) => each.jobs.map((job) => [job.id, each.reason] as const)),
    );
    const fits = (job: Job) => {
      const of = job.status === 'queued' ? held.get(job.id) : undefined;
      if (reason !== null) return of?.code === reason;
      const state = of === undefined || of.code === 'queue.position' ? job.status : of.state;
      return states === null || states.includes(state);
    };
    const { after, limit, newestFirst, ...same } = filter;
    const isQueued =
      reason !== null || states?.some((each) => ['queued', 'waiting', 'needs_you'].includes(each));
    const others = (states ?? []).filter((each): each is Job['status'] =>
      ['running', 'done', 'failed', 'cancelled'].includes(each),
    );
    const statuses: Job['status'][] = [...(isQueued ? (['queued'] as const) : []), ...others];
    const asked = same.status?.filter((each) => statuses.includes(each)) ?? statuses;
    if (isQueued !== true) return store.jobs({ ...filter, status: asked });
    const items: Job[] = [];
    let next: number | null = after ?? null;
    do {
      const page = await store.jobs({
        ...same,
        status: asked,
        limit: MAX_HELD,
        ...(next === null ? {} : { after: next }),
        ...(newestFirst === undefined ? {} : { newestFirst }),
      });
      items.push(...page.items.filter(fits));
      next = page.next;
    } while (next !== null && items.length <= limit);
    const shown = items.slice(0, limit);
    return { items: shown, next: items.length > limit ? (shown.at(-1)?.id ?? null) : null };
  }
}
