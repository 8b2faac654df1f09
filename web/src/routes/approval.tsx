import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { Check, GitCommitHorizontal, X } from 'lucide-react';
import { lazy, type ReactNode, Suspense, useEffect, useRef, useState } from 'react';
import type { ChangesWire, JobWire, TaskDetailWire } from '../../../src/http/contract.ts';
import { useAct } from '../api/actions.ts';
import { ApiError } from '../api/client.ts';
import { changesQuery, jobQuery, taskQuery } from '../api/queries.ts';
import { copy } from '../copy.ts';
import { Field, Refusal } from '../frame/dialogs/parts.tsx';
import { count, money, plural, sentence } from '../lib/format.ts';
import { ActionButton, Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { Crumbs } from '../ui/crumbs.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Empty, Loaded, Problem, Skeleton } from '../ui/states.tsx';
import { Ago } from '../ui/time.tsx';
import { Chip } from '../ui/tone.tsx';
import { Trace } from './task/trace.tsx';

const DiffView = lazy(async () => ({ default: (await import('../ui/diff.tsx')).DiffView }));

/** What exactly am I allowing? The decision is bound to the commit that was looked at. */
export function ApprovalPage() {
  const { id } = useParams({ from: '/framed/approvals/$id' });
  const query = useQuery(jobQuery(id));
  const job = query.isPlaceholderData ? undefined : query.data?.job;
  const key = job?.task ?? null;
  const task = useQuery({ ...taskQuery(key ?? ''), enabled: key !== null }).data?.task;
  if (job !== undefined && task !== undefined && task.key === key) return <Approval job={job} task={task} />;
  if (query.error instanceof ApiError && query.error.status === 404)
    return (
      <>
        <h1 className="mb-4">{copy.state.notFound}</h1>
        <section className="card">
          <Empty>{copy.state.notFoundDetail(`${copy.nav.approvals.toLowerCase()} ${id}`)}</Empty>
        </section>
      </>
    );
  return (
    <section className="card">
      {query.error === null ? (
        <Skeleton rows={6} />
      ) : (
        <Problem what={copy.nav.approvals} error={query.error} onAgain={() => void query.refetch()} />
      )}
    </section>
  );
}

function Approval({ job, task }: { job: JobWire; task: TaskDetailWire }) {
  const changes = useQuery(changesQuery(task.key));
  // The commit that this person looks at: a decision is about it, whatever the branch becomes meanwhile.
  const [seen, setSeen] = useState<string | null>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    if (!isFirst.current || task.head === null) return;
    isFirst.current = false;
    setSeen(task.head);
  }, [task.head]);
  const hasMoved = seen !== null && task.head !== null && seen !== task.head;
  const isOpen = job.status === 'queued' && job.hold?.code === 'approval.pending';
  return (
    <>
      <div className="mb-4 flex flex-wrap items-start gap-4">
        <div className="min-w-0 flex-1 basis-80">
          <Crumbs>
            <Link to="/board">{copy.nav.board}</Link>
            <Link to="/tasks/$key" params={{ key: task.key }} className="mono">
              {task.key}
            </Link>
            <span>{sentence(job.stage ?? '')}</span>
          </Crumbs>
          <h1 className="two-lines" title={task.title}>
            {sentence(job.stage ?? '')}: {task.title}
          </h1>
          <p className="mt-1.5 flex flex-wrap items-center gap-2">
            {isOpen ? (
              <Chip state="needs_you">{copy.hold['approval.pending']}</Chip>
            ) : (
              <Chip state={job.status === 'done' ? 'done' : 'queued'}>{copy.job[job.status]}</Chip>
            )}
            <span className="tag mono">
              <GitCommitHorizontal aria-hidden="true" />
              {task.head === null ? copy.approval.noHead : task.head.slice(0, 10)}
            </span>
            <span className="text-sm text-ink-3">
              {copy.approval.asked} <Ago at={job.hold?.since ?? job.createdAt} />
            </span>
          </p>
        </div>
        {isOpen ? <Decide job={job} task={task} commit={seen} hasMoved={hasMoved} /> : null}
      </div>
      {isOpen ? null : <p className="note mb-4">{copy.approval.notOpen}</p>}
      {hasMoved ? (
        <div className="note tone-attention mb-4" role="alert">
          <p className="flex-1">{copy.approval.moved}</p>
          <Button isSmall onClick={() => setSeen(task.head)}>
            {copy.approval.look}
          </Button>
        </div>
      ) : null}
      <p className="mb-4 text-sm text-ink-2">{copy.approval.by}</p>
      <div className="columns columns-narrow">
        <div className="stack max-lg:order-2">
          {task.trace === null ? null : <Trace trace={task.trace} taskKey={task.key} />}
          <Card title={copy.run.tabs.diff}>
            <Loaded query={changes} what={copy.run.tabs.diff} rows={8}>
              {({ patch: { text, isCut }, files }) => (
                <Suspense fallback={<Skeleton rows={8} />}>
                  <DiffView text={text} flags={flagsOf(files)} />
                  {isCut ? <p className="card-body text-sm text-ink-2">{copy.approval.cut}</p> : null}
                </Suspense>
              )}
            </Loaded>
          </Card>
        </div>
        <div className="stack max-lg:order-1">
          <Loaded query={changes} what={copy.approval.what} rows={6}>
            {(found) => <Summary task={task} changes={found} />}
          </Loaded>
        </div>
      </div>
    </>
  );
}

function flagsOf(files: ChangesWire['files']): Readonly<Record<string, string>> {
  return Object.fromEntries(
    files.flatMap(({ path, risk }) => (risk === null ? [] : [[path, copy.approval.risk[risk] ?? risk]])),
  );
}

function Decide({
  job,
  task,
  commit,
  hasMoved,
}: {
  job: JobWire;
  task: TaskDetailWire;
  commit: string | null;
  hasMoved: boolean;
}) {
  const approve = useAct('approve', { isQuiet: true, done: copy.approval.approved });
  const [isRejecting, setRejecting] = useState(false);
  const whyNot = hasMoved ? copy.approval.moved : undefined;
  const target = job.id;
  return (
    <div className="flex flex-wrap gap-2">
      <ActionButton action="reject" look="danger" onClick={() => setRejecting(true)}>
        <X aria-hidden="true" />
        {copy.approval.reject}
      </ActionButton>
      <ActionButton
        action="approve"
        look="primary"
        whyNot={whyNot}
        isPending={approve.isPending}
        onClick={() => approve.mutate({ target, commit })}
      >
        <Check aria-hidden="true" />
        {copy.approval.approve}
      </ActionButton>
      {approve.error === null ? null : (
        <div className="basis-full">
          <Problem error={approve.error} />
        </div>
      )}
      {isRejecting ? <Reject target={target} name={task.key} onClose={() => setRejecting(false)} /> : null}
    </div>
  );
}

function Reject({ target, name, onClose }: { target: string; name: string; onClose: () => void }) {
  const [reason, setReason] = useState('');
  const act = useAct('reject', { isQuiet: true, done: copy.approval.rejected });
  const isMissing = reason.trim() === '';
  const submit = () => {
    if (!isMissing && !act.isPending) act.mutate({ target, reason: reason.trim() }, { onSuccess: onClose });
  };
  return (
    <Dialog
      title={`${copy.approval.rejectDo} ${name}`}
      onClose={onClose}
      onSubmit={submit}
      foot={
        <>
          <Button onClick={onClose}>{copy.dialog.back}</Button>
          <ActionButton
            type="submit"
            action="reject"
            look="danger"
            isPending={act.isPending}
            whyNot={isMissing ? copy.dialog.missing : undefined}
          >
            {copy.approval.rejectDo}
          </ActionButton>
        </>
      }
    >
      <Field label={copy.approval.reason} hint={copy.approval.reasonHint}>
        {(id) => (
          <textarea
            id={id}
            className="input"
            value={reason}
            onChange={(event) => setReason(event.target.value)}
          />
        )}
      </Field>
      <Refusal error={act.error} />
    </Dialog>
  );
}

function Summary({ task, changes }: { task: TaskDetailWire; changes: ChangesWire }) {
  const risky = changes.files.filter(({ risk }) => risk !== null);
  const tests = task.trace?.criteria.flatMap((criterion) => criterion.tests) ?? [];
  const proven = tests.filter(({ state }) => state === 'passed' || state === 'ticked').length;
  const rows: readonly (readonly [string, ReactNode])[] = [
    [copy.approval.commit, <span className="mono">{changes.head?.slice(0, 10) ?? '–'}</span>],
    [
      copy.approval.files,
      <>
        {count(changes.stat.files)}, <span className="text-done-ink">+{count(changes.stat.added)}</span>{' '}
        <span className="text-failed-ink">−{count(changes.stat.deleted)}</span>
      </>,
    ],
    [copy.approval.commits, count(changes.commits.length)],
    ...(tests.length === 0
      ? []
      : [[copy.approval.checks, copy.approval.checksOf(proven, tests.length)] as const]),
    [copy.approval.spent, `${money(task.costUsd)}${task.unknownCosts > 0 ? ` + ${copy.task.unknown}` : ''}`],
    [copy.columns.project, <span className="mono">{task.project}</span>],
  ];
  return (
    <>
      <Card title={copy.approval.what}>
        <div className="card-body grid gap-3">
          <dl className="facts">
            {rows.map(([name, value]) => (
              <div key={name} className="contents">
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
          {risky.length === 0 ? (
            <p className="text-sm text-ink-2">{copy.approval.noRisk}</p>
          ) : (
            <div className="note tone-attention">
              <div className="grid min-w-0 gap-1">
                <p className="font-medium">{copy.approval.risky(plural(risky.length, 'file'))}</p>
                <ul className="grid gap-1">
                  {risky.map(({ path, risk }) => (
                    <li key={path} className="wrap-anywhere">
                      {copy.approval.risk[risk ?? ''] ?? risk}: <code>{path}</code>
                    </li>
                  ))}
                </ul>
              </div>
            </div>
          )}
        </div>
      </Card>
      <Card title={copy.approval.commits} hint={changes.commits.length}>
        {changes.commits.length === 0 ? (
          <Empty>{copy.approval.noHead}</Empty>
        ) : (
          <ul className="inbox">
            {changes.commits.map(({ sha, subject, author }) => (
              <li key={sha}>
                <div className="min-w-0">
                  <p className="text-sm wrap-anywhere">{subject}</p>
                  <p className="text-xs text-ink-3">
                    <span className="mono">{sha.slice(0, 10)}</span> {author}
                  </p>
                </div>
              </li>
            ))}
          </ul>
        )}
      </Card>
    </>
  );
}
