import { jobName, runName } from '../core/model.ts';
import type { Clock } from '../lib/clock.ts';
import type { Store } from '../store/store.ts';

/** Changes remembered for those who come back; whoever was away for longer is told that all may have changed. */
const REMEMBERED = 2000;

/** That something is not as it was: enough to ask again for it, nothing of what it is now. */
export interface Change {
  readonly type: 'task' | 'job' | 'run' | 'account' | 'pause' | 'outbox' | 'explain' | 'user' | 'all';
  /** Task key, `job_17`, `run_812`, account id; empty for some or the only one of that type. */
  readonly id: string;
  /** Grows with every change, over restarts too. */
  readonly rev: number;
}

/** What changed, in order, for as many as listen. */
export function createChanges(clock: Clock) {
  const listeners = new Set<() => void>();
  // A restart begins above all that an earlier process gave out: 1000 changes a millisecond would be needed to catch up.
  const first = clock() * 1000;
  let rev = first;
  let kept: Change[] = [];

  return {
    note(type: Change['type'], id = ''): void {
      rev += 1;
      kept.push({ type, id, rev });
      if (kept.length > 2 * REMEMBERED) kept = kept.slice(-REMEMBERED);
      for (const listener of listeners) listener();
    },
    /** Of now: whoever has it has missed nothing. */
    rev: () => rev,
    /** What came after a revision, each thing once; one `all` when that is not known any more. */
    since(seen: number): readonly Change[] {
      if (seen === rev) return [];
      const oldest = kept[0]?.rev ?? rev + 1;
      if (seen > rev || seen < first || seen + 1 < oldest) return [{ type: 'all', id: '', rev }];
      const latest = new Map<string, Change>();
      for (const change of kept) {
        if (change.rev <= seen) continue;
        const key = `${change.type} ${change.id}`;
        latest.delete(key);
        latest.set(key, change);
      }
      return [...latest.values()];
    },
    /** Called after each; returns the unsubscriber. */
    onChange(listener: () => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export type Changes = ReturnType<typeof createChanges>;

/** What a watcher counts of runs. */
export interface RunWatcher {
  readonly claimed: () => void;
  readonly ended: (verdict: string) => void;
}

/** The same store, whose writes are noted once they are done. */
export function observed(store: Store, changes: Changes, watchers: ReadonlySet<RunWatcher>): Store {
  /** Runs a write, then notes. */
  const then = <A extends unknown[], R>(
    write: (...args: A) => Promise<R>,
    noted: (result: R, ...args: A) => void,
  ) => {
    return async (...args: A): Promise<R> => {
      const result = await write(...args);
      noted(result, ...args);
      return result;
    };
  };
  const outbox = () => changes.note('outbox');
  let gates = '';

  return {
    ...store,
    submit: then(store.submit, ({ task, created }) => {
      if (created) changes.note('task', task.key);
    }),
    enqueue: then(store.enqueue, (job) => changes.note('job', jobName(job.id))),
    claim: then(store.claim, (claimed) => {
      if (claimed === null) return;
      for (const watcher of watchers) watcher.claimed();
      changes.note('run', runName(claimed.run.id));
      changes.note('job', jobName(claimed.job.id));
      if (claimed.task !== null) changes.note('task', claimed.task.key);
    }),
    started: then(store.started, (isOurs, ref) => {
      if (isOurs) changes.note('run', runName(ref.runId));
    }),
    settle: async (ref, decide) => {
      let key: string | null = null;
      let verdict: string | null = null;
      const settled = await store.settle(ref, (state) => {
        key = state.task?.key ?? null;
        const effects = decide(state);
        verdict = effects.run?.verdict ?? null;
        return effects;
      });
      if (settled === 'stale') return settled;
      for (const watcher of watchers) if (verdict !== null) watcher.ended(verdict);
      changes.note('run', runName(ref.runId));
      changes.note('job', jobName(ref.jobId));
      if (key !== null) changes.note('task', key);
      return settled;
    },
    command: then(store.command, ({ task, job }) => {
      changes.note('job', jobName(job.id));
      if (task !== null) changes.note('task', task.key);
    }),
    updateAccount: async (id, change) => {
      let isChanged = false;
      const after = await store.updateAccount(id, (account) => {
        const next = change(account);
        isChanged = next !== account;
        return next;
      });
      if (isChanged) changes.note('account', id);
      return after;
    },
    commandAccount: then(store.commandAccount, (_after, id) => changes.note('account', id)),
    setPullRequest: then(store.setPullRequest, () => changes.note('task')),
    pause: then(store.pause, () => changes.note('pause')),
    resume: then(store.resume, () => changes.note('pause')),
    configure: then(store.configure, () => changes.note('all')),
    undelivered: then(store.undelivered, outbox),
    retryLetters: then(store.retryLetters, outbox),
    dropLetter: then(store.dropLetter, outbox),
    noteGates: then(store.noteGates, (_since, entries) => {
      const now = entries.map((entry) => `${entry.code} ${entry.kind} ${entry.id}`).join();
      if (now !== gates) changes.note('explain');
      gates = now;
    }),
    users: { ...store.users, change: then(store.users.change, (user) => changes.note('user', user.name)) },
  };
}
