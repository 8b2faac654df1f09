import type { Comment, Person } from '../../src/core/comment.ts';
import { destinationError } from '../../src/core/destination-error.ts';
import type { TrackedItem, Tracker, TrackerFeed } from '../../src/trackers/tracker.ts';

export const MARA: Person = { id: 'u1', name: 'mara', mayWrite: true };
export const ADA: Person = { id: 'u2', name: 'ada', mayWrite: true };
export const PASSER_BY: Person = { id: 'u9', name: 'eve', mayWrite: false };

/** A tracker in memory, with what people do in it and what Orch has told it. Its rule is a label. */
export function memoryTracker(kind = 'memory', prefix = 'API') {
  const items = new Map<string, TrackedItem>();
  const said = new Map<string, Comment[]>();
  const told: { item: string; key: string; body: string }[] = [];
  const reports = new Map<string, string[]>();
  const statuses = new Map<string, string[]>();
  let serial = 0;
  let time = 1000;
  const asked = { matching: 0, items: [] as string[], comments: [] as string[] };

  const here = {
    rule: { text: 'label `agent`', fingerprint: 'label:agent' },
    /** What the next requests run into; null = they go well. */
    trouble: null as { status: number | null; retryAfterMs?: number } | null,
    /** Held by a test: no request is answered before it resolves. */
    gate: null as Promise<void> | null,
    asked,
    told,
    reports,
    statuses,
    label: 'agent',
    add(fields: Partial<TrackedItem> = {}): string {
      const id = String(++serial);
      items.set(id, {
        ...{ id, key: `${prefix}-${id}`, title: `Item ${id}`, body: 'Please.', status: 'Todo', url: null },
        ...{ labels: [here.label], isOpen: true, mismatch: null, blockedBy: [], author: MARA, priority: 0 },
        ...{ createdAt: ++time, updatedAt: time },
        ...fields,
      });
      return id;
    },
    change(id: string, fields: Partial<TrackedItem>): void {
      const item = items.get(id);
      if (item !== undefined) items.set(id, { ...item, ...fields, updatedAt: ++time });
    },
    remove: (id: string) => items.delete(id),
    say(id: string, by: Person, body: string, createdAt = ++time): string {
      const list = said.get(id) ?? [];
      said.set(id, list);
      const comment = { id: `c${++serial}`, by, body, createdAt, updatedAt: createdAt, url: null };
      list.push(comment);
      return comment.id;
    },
    edit(id: string, commentId: string, body: string): void {
      const list = said.get(id) ?? [];
      said.set(
        id,
        list.map((each) => (each.id === commentId ? { ...each, body, updatedAt: ++time } : each)),
      );
    },
    now: () => time,
    tracker: null as unknown as Tracker & { feed: TrackerFeed },
  };

  async function request(what: string): Promise<void> {
    await here.gate;
    if (here.trouble === null) return;
    const { status, retryAfterMs = null } = here.trouble;
    throw destinationError('tracker', {
      ...{ vendor: 'Memory', what, status, said: '', retryAfterMs, done: 'unknown' },
    });
  }

  function seen(item: TrackedItem): TrackedItem {
    const mismatch = !item.isOpen
      ? `state is ${item.status}`
      : item.labels.includes(here.label)
        ? item.mismatch
        : `label ${here.label} is missing`;
    return { ...item, mismatch };
  }

  here.tracker = {
    kind,
    async item(id) {
      asked.items.push(id);
      await request('item');
      const item = items.get(id);
      return item === undefined ? null : seen(item);
    },
    async comment(item, body, { key }) {
      await request('comment');
      if (!told.some((each) => each.key === key)) told.push({ item, key, body });
    },
    async report(item, body) {
      await request('report');
      reports.set(item, [...(reports.get(item) ?? []), body]);
    },
    async setStatus(item, status) {
      await request('status');
      statuses.set(item, [...(statuses.get(item) ?? []), status]);
      here.change(item, {
        status,
        ...(status === 'done' || status === 'cancelled' ? { isOpen: false } : {}),
      });
    },
    async survey() {
      const all = [...items.values()].map(seen);
      return {
        ...{ source: 'Memory', rule: here.rule.text, lookedAt: 0, seen: all.length },
        matching: all.filter(({ mismatch }) => mismatch === null).length,
        nearest: all.flatMap(({ key, mismatch }) => (mismatch === null ? [] : [{ key, why: mismatch }])),
      };
    },
    feed: {
      get rule() {
        return here.rule;
      },
      isAbout: (place) => place === 'acme/api',
      async matching() {
        asked.matching += 1;
        await request('matching');
        return [...items.values()].map(seen).filter(({ mismatch }) => mismatch === null);
      },
      async comments(id, since) {
        asked.comments.push(id);
        await request('comments');
        return (said.get(id) ?? []).filter(({ updatedAt }) => since === null || updatedAt >= since);
      },
    },
  };
  return here;
}
