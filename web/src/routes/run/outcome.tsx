import { Link } from '@tanstack/react-router';
import type { JobWire, RunWire } from '../../../../src/http/contract.ts';
import { copy } from '../../copy.ts';
import { shortHold } from '../../ui/reason.tsx';
import { At, Lasted } from '../../ui/time.tsx';
import { StateIcon } from '../../ui/tone.tsx';

/** Of a run that is over: what it came to, its first error line, and what happens next. */
export function Outcome({ run, job }: { run: RunWire; job: JobWire | null }) {
  const isGood = run.verdict === 'success';
  const tone = isGood ? 'done' : run.verdict === 'cancelled' ? 'queued' : 'failed';
  const facts = [
    run.exitCode === null ? null : `${copy.run.exitCode} ${run.exitCode}`,
    run.signal === null ? null : `${copy.run.signal} ${run.signal}`,
    run.resultOk === null ? null : run.resultOk ? copy.run.resultOk : copy.run.resultBad,
  ].filter((fact) => fact !== null);
  return (
    <section className={`card mb-4 overflow-hidden tone-${tone}`} aria-label={copy.run.outcome}>
      <div className="flex items-start gap-3 bg-tone-tint p-4">
        <span className="mt-0.5">
          <StateIcon
            state={isGood ? 'done' : run.verdict === 'cancelled' ? 'cancelled' : 'failed'}
            size={20}
          />
        </span>
        <div className="min-w-0 flex-1">
          <h2 className="text-lg">
            {copy.run.verdict[run.verdict ?? ''] ?? run.verdict ?? copy.job.ended},{' '}
            <Lasted from={run.startedAt} to={run.finishedAt} />
          </h2>
          {run.reason === null || run.reason === '' ? null : (
            <p className="text-sm wrap-anywhere whitespace-pre-wrap">{run.reason}</p>
          )}
          <p className="num text-sm text-ink-2">{facts.join(' · ')}</p>
          {job === null ? null : (
            <p className="text-sm text-ink-2">
              <Next job={job} />
            </p>
          )}
        </div>
      </div>
    </section>
  );
}

function Next({ job }: { job: JobWire }) {
  if (job.status === 'queued' && job.hold !== null)
    return (
      <>
        {copy.run.next} {shortHold(job.hold)}
        {job.hold.clearsAt === null ? null : (
          <>
            , <At at={job.hold.clearsAt} />
          </>
        )}
        . {job.hold.clearsWhen}
      </>
    );
  if (job.status === 'running')
    return (
      <>
        {copy.run.nextRuns}{' '}
        {job.task === null ? null : (
          <Link to="/tasks/$key" params={{ key: job.task }}>
            {job.task}
          </Link>
        )}
      </>
    );
  if (job.status === 'failed') return copy.run.nextPerson;
  return null;
}
