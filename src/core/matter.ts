import type { OutboxMessage } from './effects.ts';

/** What people can ask to be told at once, collected, or not at all. */
export type NotifyEvent = 'needs_you' | 'approval' | 'out_of_retries' | 'question' | 'limit' | 'done' | 'run';

/** One trouble, question or piece of news, as it stands: what every channel is to show of it. */
export interface Matter {
  /** Reason and scope: `account:claude-a`, `job_17`, `approval:API-1:deploy`. */
  readonly key: string;
  readonly event: NotifyEvent;
  /** Null: of the whole installation. */
  readonly project: string | null;
  readonly title: string;
  readonly detail: string;
  readonly urgent: boolean;
  /** Head that an approval is asked for. */
  readonly commit: string | null;
  readonly state: 'open' | 'resolved';
  /** Worse is higher. */
  readonly level: number;
  /** Of a single job, which has no siblings to wait for. */
  readonly atOnce: boolean;
  /** Failures of jobs that this is the cause of, and that are not told by themselves. */
  readonly counted: number;
  /** How a person ended it, such as "Approved by mara"; null when it ended by itself. */
  readonly outcome: string | null;
  readonly openedAt: number;
  readonly changedAt: number;
  readonly resolvedAt: number | null;
  /** The outbox row it was last changed by: an older one changes nothing. */
  readonly lastRow: number;
}

export type Fact = Extract<OutboxMessage, { kind: 'notify.incident' | 'notify.resolved' | 'notify.digest' }>;

/** Where a fact came from: rows are numbered in the order in which they were written. */
export interface FactRow {
  readonly id: number;
  readonly key: string;
  readonly createdAt: number;
}

/** The matter that a fact speaks of. News are each their own. */
export function matterKey(fact: Fact, row: FactRow): string {
  return fact.kind === 'notify.digest' ? row.key : fact.incident;
}

/** The matter after a fact; null when that changes nothing. Safe to repeat. */
export function noted(before: Matter | null, fact: Fact, row: FactRow): Matter | null {
  if (before !== null && row.id <= before.lastRow) return null;
  const times = { changedAt: row.createdAt, lastRow: row.id };
  switch (fact.kind) {
    case 'notify.digest':
      return {
        ...{
          key: row.key,
          event: fact.event ?? 'done',
          project: fact.project ?? null,
          title: fact.line,
          detail: '',
        },
        ...{ urgent: false, commit: null, state: 'open', level: 0, atOnce: true, counted: 0, outcome: null },
        ...{ openedAt: row.createdAt, resolvedAt: null, ...times },
      };
    case 'notify.resolved':
      return before === null || before.state === 'resolved'
        ? null
        : {
            ...before,
            ...times,
            state: 'resolved',
            outcome: fact.outcome ?? null,
            resolvedAt: row.createdAt,
          };
    case 'notify.incident': {
      const goesOn = before !== null && before.state === 'open';
      const event = fact.event ?? eventOf(fact.incident, fact.urgent);
      return {
        ...{
          key: fact.incident,
          event,
          project: fact.project ?? null,
          title: fact.title,
          detail: fact.detail,
        },
        ...{
          urgent: fact.urgent,
          commit: fact.commit ?? null,
          state: 'open',
          outcome: null,
          resolvedAt: null,
        },
        level: fact.urgent ? 2 : 1,
        atOnce: fact.atOnce ?? isOfOneJob(fact.incident),
        counted: goesOn ? before.counted : 0,
        openedAt: goesOn ? before.openedAt : row.createdAt,
        ...times,
      };
    }
  }
}

/**
 * The account whose trouble a failure is a consequence of, and counts in; null when it is told by itself: a job
 * that is out of retries needs a person, whatever the cause.
 */
export function causeOf(fact: Fact): string | null {
  if (fact.kind !== 'notify.incident' || fact.urgent || fact.cause == null) return null;
  return `account:${fact.cause}`;
}

/** One more failure that counts in the cause; null when it is counted already. */
export function counting(cause: Matter, row: FactRow): Matter | null {
  if (row.id <= cause.lastRow) return null;
  return { ...cause, counted: cause.counted + 1, changedAt: row.createdAt, lastRow: row.id };
}

/** What a rule about events means for a key: rows of earlier versions do not name it. */
function eventOf(key: string, urgent: boolean): NotifyEvent {
  if (key.startsWith('approval:')) return 'approval';
  if (key.startsWith('question:')) return 'question';
  if (/^job_\d+$/.test(key)) return 'out_of_retries';
  return key.startsWith('account:') && !urgent ? 'limit' : 'needs_you';
}

/** Nobody has to do anything about it. */
export function isNews({ event }: Pick<Matter, 'event'>): boolean {
  return event === 'done' || event === 'run';
}

export function isOfOneJob(key: string): boolean {
  return /^(?:job_\d+$|approval:|question:)/.test(key);
}

/** What a button or a reply acts on: a task's key or a job, an account, a destination; null = nothing. */
export function aboutOf({ key }: Pick<Matter, 'key'>): { readonly kind: string; readonly id: string } | null {
  const [kind = '', ...rest] = key.split(':');
  if (/^job_\d+$/.test(key)) return { kind: 'job', id: key };
  // A stage has no colon in its name; a task's key may.
  if (kind === 'approval') return { kind: 'task', id: rest.slice(0, -1).join(':') };
  if (kind === 'question') return { kind: 'task', id: rest.join(':') };
  if (kind === 'account' || kind === 'expiring') return { kind: 'account', id: rest.join(':') };
  if (kind === 'outbox') return { kind: 'destination', id: rest.join(':') };
  return null;
}
