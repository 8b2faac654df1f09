import { BACKOFF, ENDED } from '../../core/ledger.ts';
import type { Job } from '../../core/model.ts';
import type { Db } from './database.ts';

/** Writes what the ledger keeps of a job itself, in the transaction that changes the job. */
export function prepareWaits(db: Db) {
  const insert = db.prepare(
    'INSERT INTO job_waits(job, since, code, until, detail) VALUES(@job, @since, @code, @until, @detail) ON CONFLICT(job, since, code) DO UPDATE SET until = excluded.until, detail = excluded.detail',
  );
  const end = db.prepare(
    'UPDATE job_waits SET until = @now WHERE job = @job AND code = @code AND (until IS NULL OR until > @now)',
  );

  function begin(job: number, code: string, since: number, until: number | null, detail = ''): void {
    insert.run({ job, code, since, until, detail });
  }

  return {
    /** A job was queued. */
    begun(job: Job, now: number): void {
      if (job.hold !== null) begin(job.id, job.hold, now, null);
    },
    /** A job is about to become another value. Only a queued job waits. */
    changed(before: Job, after: Job, now: number): void {
      const hold = after.status === 'queued' ? after.hold : null;
      const due = after.status === 'queued' ? after.availableAt : null;
      if (before.hold !== null && before.hold !== hold) end.run({ job: before.id, code: before.hold, now });
      if (hold !== null && hold !== before.hold) begin(before.id, hold, now, null);
      if (before.availableAt !== null && before.availableAt !== due)
        end.run({ job: before.id, code: BACKOFF, now });
      if (due !== null && due !== before.availableAt) begin(before.id, BACKOFF, now, due, String(due));
      // A retry takes away when the job had ended.
      if (before.finishedAt !== null && after.finishedAt === null)
        begin(before.id, ENDED, before.finishedAt, now, before.status);
    },
  };
}
