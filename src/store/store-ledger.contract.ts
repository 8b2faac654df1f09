import { describe, expect, it } from 'vitest';
import { gateKey } from '../core/dispatch-state.ts';
import { explainAt, type JobAt, jobAt, type LedgerEntry } from '../core/ledger.ts';
import type { Job } from '../core/model.ts';
import type { HistoryFilter } from './store.ts';
import type { StoreKit } from './store-kit.contract.ts';
import { ENDED, EVERYTHING, MINUTE, newJob, newTask, refOf, SECOND, T0 } from './store-rows.contract.ts';

const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STALE_MS = 30 * SECOND;

/** The decision ledger: what every store remembers of why jobs waited. */
export function keepsALedger(kit: StoreKit): void {
  const { enqueue, claimed: claim, command } = kit;

  describe('the decision ledger', () => {
    const configured: LedgerEntry[] = ['account:a', 'project:api', 'project:web'].map((name) => {
      const [kind = '', id = ''] = name.split(':');
      return { code: 'configured', kind, id, mark: '', value: null };
    });
    const gate = (code: string, kind: string, id: string, mark = ''): LedgerEntry => ({
      code,
      kind,
      id,
      mark,
      value: {
        label: id,
        state: 'waiting',
        title: `${code} of ${id} ${mark}`,
        detail: '',
        since: kit.now,
        clearsAt: null,
        clearsWhen: '',
        fix: null,
      },
    });
    const LIMIT = () => gate('account.limit', 'account', 'a');
    const note = (entries: readonly LedgerEntry[], at: number, staleAfterMs = STALE_MS) => {
      kit.now = at;
      return kit.store.noteGates([...configured, ...entries], at, staleAfterMs);
    };
    /** Looks every ten seconds up to an instant, with the same gates closed. */
    const look = async (entries: readonly LedgerEntry[], from: number, to: number) => {
      for (let at = from; at < to; at += 10 * SECOND) await note(entries, at);
    };
    const then = async (filter: HistoryFilter, at: number): Promise<JobAt> => {
      const { rows, jobs } = await kit.store.history(at, filter, EVERYTHING);
      const history = jobs.at(-1);
      return history === undefined ? { kind: 'absent' } : jobAt(history, rows, at);
    };
    const codeAt = async (job: Job, at: number): Promise<string> => {
      const found = await then({ jobId: job.id }, at);
      return found.kind === 'queued' ? found.reason.code : found.kind;
    };

    it('keeps since when a gate is closed: over looks, restarts and a flap under five minutes', async () => {
      const key = gateKey('account.limit', { kind: 'account', id: 'a' });
      const sinceAt = async (at: number, isClosed: boolean) =>
        (await note(isClosed ? [LIMIT()] : [], at, HOUR)).get(key);
      expect(await sinceAt(T0, true)).toBe(T0);
      expect(await sinceAt(T0 + MINUTE, true)).toBe(T0);
      await kit.reopen();
      expect(await sinceAt(T0 + 20 * MINUTE, true)).toBe(T0);
      expect(await sinceAt(T0 + 21 * MINUTE, false)).toBeUndefined();
      expect(await sinceAt(T0 + 26 * MINUTE - 1, true)).toBe(T0);
      await sinceAt(T0 + 30 * MINUTE, false);
      expect(await sinceAt(T0 + 36 * MINUTE, true)).toBe(T0 + 36 * MINUTE);
    });

    it('tells the gates of two scopes apart', async () => {
      const cap = (id: string) => gate('cap.project', 'project', id);
      await note([cap('api')], T0);
      const since = await note([cap('api'), cap('web')], T0 + SECOND);
      expect([since.get('cap.project:project:api'), since.get('cap.project:project:web')]).toEqual([
        T0,
        T0 + SECOND,
      ]);
    });

    it('tells for every instant afterwards which gate held a job back, and that none did', async () => {
      const job = await enqueue();
      await look([LIMIT()], T0, T0 + MINUTE);
      await look([], T0 + MINUTE, T0 + 2 * MINUTE);
      await look([LIMIT()], T0 + 2 * MINUTE, T0 + 3 * MINUTE);
      await look([gate('cap.project', 'project', 'api')], T0 + 3 * MINUTE, T0 + 4 * MINUTE);
      await kit.reopen();
      const codes = [0, 0.5, 1, 1.5, 2.5, 3, 3.5].map((minute) => codeAt(job, T0 + minute * MINUTE));
      expect(await Promise.all(codes)).toEqual([
        'account.limit',
        'account.limit',
        'queue.position',
        'queue.position',
        'account.limit',
        'cap.project',
        'cap.project',
      ]);
      expect(await codeAt(job, T0 - 1)).toBe('absent');
      // The flap is told as it was, its beginning as people saw it.
      expect(await then({ jobId: job.id }, T0 + 2.5 * MINUTE)).toMatchObject({ reason: { since: T0 } });
    });

    it('begins another interval when the state or the end of a gate changes', async () => {
      const job = await enqueue();
      await note([gate('account.limit', 'account', 'a', 'until noon')], T0);
      await note([gate('account.limit', 'account', 'a', 'until one')], T0 + 10 * SECOND);
      const titleAt = async (at: number) => {
        const found = await then({ jobId: job.id }, at);
        return found.kind === 'queued' ? found.reason.title : null;
      };
      expect([await titleAt(T0 + SECOND), await titleAt(T0 + 11 * SECOND)]).toEqual([
        'account.limit of a until noon',
        'account.limit of a until one',
      ]);
    });

    it('writes one row per interval, however many jobs wait and however often it is looked at', async () => {
      for (let i = 0; i < 50; i++) await enqueue();
      await look([LIMIT()], T0, T0 + 10 * MINUTE);
      await note([], T0 + 10 * MINUTE);
      expect(await kit.store.forget(kit.now + 1)).toBe(1);
    });

    it('writes the time in which nobody looked as scheduler.stale, and no gate for it', async () => {
      const job = await enqueue();
      await note([LIMIT()], T0);
      await note([LIMIT()], T0 + 20 * SECOND);
      // Hung for longer than is called stale; then a restart, of which any gap counts.
      await note([LIMIT()], T0 + 5 * MINUTE);
      await kit.reopen();
      await note([LIMIT()], T0 + 5 * MINUTE + 3 * SECOND, 0);
      const codes = [10, 21, 299, 300, 301, 304].map((second) => codeAt(job, T0 + second * SECOND));
      expect(await Promise.all(codes)).toEqual([
        'account.limit',
        'scheduler.stale',
        'scheduler.stale',
        'scheduler.stale',
        'scheduler.stale',
        'account.limit',
      ]);
      expect(await then({ jobId: job.id }, T0 + 304 * SECOND)).toMatchObject({ reason: { since: T0 } });
    });

    it('keeps the first since over a downtime that is longer than a flap', async () => {
      await note([LIMIT()], T0);
      const since = await note([LIMIT()], T0 + DAY, 0);
      expect(since.get('account.limit:account:a')).toBe(T0);
    });

    it('remembers holds and backoffs of a job, also when they end early', async () => {
      const job = await enqueue({ hold: 'approval.pending' });
      await note([], T0);
      kit.now = T0 + MINUTE;
      await command(job.id, { job: { hold: null } });
      kit.now = T0 + 2 * MINUTE;
      const first = await claim();
      kit.now = T0 + 3 * MINUTE;
      await kit.store.settle(refOf(first), () => ({
        job: { status: 'queued', attempts: 0, transientAttempts: 1, availableAt: T0 + 10 * MINUTE },
        run: { ...ENDED, verdict: 'transient', reason: 'overloaded' },
      }));
      kit.now = T0 + 5 * MINUTE;
      await command(job.id, { job: { availableAt: null } });
      kit.now = T0 + 6 * MINUTE;
      const second = await claim();
      kit.now = T0 + 7 * MINUTE;
      await kit.store.settle(refOf(second), () => ({
        job: { status: 'failed', finishedAt: kit.now },
        run: { ...ENDED, verdict: 'permanent' },
      }));
      kit.now = T0 + 9 * MINUTE;
      await command(job.id, { job: { status: 'queued', finishedAt: null } });
      await note([], T0 + 10 * MINUTE, HOUR);
      const codes = [0, 1.5, 2.5, 4, 5.5, 6.5, 8, 9.5].map((minute) => codeAt(job, T0 + minute * MINUTE));
      expect(await Promise.all(codes)).toEqual([
        'approval.pending',
        'queue.position',
        'running',
        'retry.backoff',
        'queue.position',
        'running',
        'ended',
        'queue.position',
      ]);
      expect(await then({ jobId: job.id }, T0 + 4 * MINUTE)).toMatchObject({
        reason: {
          title: 'Retry 2 is delayed',
          detail: 'overloaded',
          since: T0 + 3 * MINUTE,
          clearsAt: T0 + 10 * MINUTE,
        },
      });
      expect(await then({ jobId: job.id }, T0 + 8 * MINUTE)).toEqual({ kind: 'ended', status: 'failed' });
    });

    it('shows since when a backoff lasts', async () => {
      const job = await enqueue();
      kit.now = T0 + MINUTE;
      const claimed = await claim();
      kit.now = T0 + 2 * MINUTE;
      await kit.store.settle(refOf(claimed), () => ({
        job: { status: 'queued', availableAt: T0 + 10 * MINUTE },
        run: ENDED,
      }));
      expect((await kit.store.job(job.id))?.holdSince).toBe(T0 + 2 * MINUTE);
    });

    it('says of a task which of its jobs it was, and that its new work waited only before its first commit', async () => {
      const { task } = await kit.store.submit(newTask(), ({ id, branch }) => newJob({ taskId: id, branch }));
      const review = gate('cap.review', 'project', 'api');
      await note([review], T0);
      kit.now = T0 + MINUTE;
      const first = await claim();
      kit.now = T0 + 2 * MINUTE;
      await kit.store.settle(refOf(first), () => ({
        job: { status: 'done', finishedAt: kit.now },
        run: ENDED,
        task: { head: 'c0ffee' },
        newJobs: [newJob({ taskId: task.id, branch: task.branch, stage: 'review' })],
      }));
      await note([review], T0 + 3 * MINUTE, HOUR);
      const at = (minute: number) => then({ taskId: task.id }, T0 + minute * MINUTE);
      expect(await at(-1)).toEqual({ kind: 'absent' });
      expect(await at(0.5)).toMatchObject({ kind: 'queued', reason: { code: 'cap.review' } });
      expect(await at(1.5)).toMatchObject({ kind: 'running', run: { id: first.run.id } });
      expect(await at(2.5)).toMatchObject({ kind: 'queued', reason: { code: 'queue.position' } });
    });

    it('names the run that kept a job off its branch', async () => {
      const same = { repo: 'api.git', branch: 'orch/same' };
      const one = await kit.store.submit(newTask(same), ({ id, branch }) => newJob({ taskId: id, branch }));
      await kit.store.submit(newTask({ ...same, workItemId: '2', key: 'API-2' }), ({ id, branch }) =>
        newJob({ taskId: id, branch }),
      );
      await note([], T0);
      const { run, job } = await claim();
      expect(job.taskId).toBe(one.task.id);
      kit.now = T0 + MINUTE;
      expect(await then({ jobId: job.id + 1 }, kit.now)).toMatchObject({
        reason: { code: 'lock.worktree', title: `run_${run.id} uses this branch` },
      });
    });

    it('explains all jobs that had not ended at an instant, of all projects or of one', async () => {
      const done = await enqueue();
      await enqueue({ project: 'web' });
      await note([gate('cap.project', 'project', 'web')], T0);
      kit.now = T0 + MINUTE;
      await command(done.id, { job: { status: 'cancelled', finishedAt: kit.now } });
      await enqueue();
      await note([gate('cap.project', 'project', 'web')], T0 + 2 * MINUTE, HOUR);
      const countsAt = async (minute: number, only: string | null) => {
        const at = T0 + minute * MINUTE;
        const { counts, reasons } = explainAt(await kit.store.history(at, { project: only }, EVERYTHING), at);
        return [counts.queued, counts.waiting, reasons.map(({ reason }) => reason.code).join()];
      };
      expect(await countsAt(0.5, null)).toEqual([1, 1, 'cap.project']);
      expect(await countsAt(0.5, 'web')).toEqual([0, 1, 'cap.project']);
      expect(await countsAt(1.5, 'api')).toEqual([1, 0, '']);
      expect(await countsAt(-1, null)).toEqual([0, 0, '']);
    });

    it('forgets what ended before an instant, and nothing else', async () => {
      const job = await enqueue({ hold: 'approval.pending' });
      await note([LIMIT()], T0);
      await note([], T0 + MINUTE, HOUR);
      await command(job.id, { job: { hold: null } });
      await note([gate('cap.project', 'project', 'api')], T0 + 2 * MINUTE, HOUR);
      expect(await kit.store.forget(T0 + MINUTE)).toBe(0);
      expect(await kit.store.forget(T0 + 2 * MINUTE)).toBe(2);
      expect([await codeAt(job, T0), await codeAt(job, T0 + 2 * MINUTE)]).toEqual([
        'queue.position',
        'cap.project',
      ]);
    });
  });
}
