import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { Check, GitCommitHorizontal, X } from 'lucide-react';
import { lazy, Suspense, useEffect, useState } from 'react';
import type { ApprovalWire } from '../../../src/http/contract.ts';
import { useAct } from '../api/actions.ts';
import { approvalQuery, jobQuery, taskDiffQuery } from '../api/queries.ts';
import { copy } from '../copy.ts';
import { count, plural, sentence, spent } from '../lib/format.ts';
import { testsOf } from '../lib/trace.ts';
import { ActionButton, Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { Changed } from '../ui/changed.tsx';
import { type FactRows, Facts } from '../ui/facts.tsx';
import { AskDialog, LongField } from '../ui/fields.tsx';
import { InPlaceOf, isGone, NotThere, PageHead, TaskCrumb } from '../ui/page-head.tsx';
import { Loaded, Problem, Skeleton } from '../ui/states.tsx';
import { Ago } from '../ui/time.tsx';
import { Chip } from '../ui/tone.tsx';
import { Trace } from './task/trace.tsx';

const DiffView = lazy(async () => ({ default: (await import('../ui/diff.tsx')).DiffView }));

/** What exactly am I allowing? The decision is bound to the commit that was looked at. */
export function ApprovalPage() {
  const { id } = useParams({ from: '/framed/approvals/$id' });
  const query = useQuery(approvalQuery(id));
  const approval = query.isPlaceholderData ? undefined : query.data?.approval;
  if (isGone(query.error)) return <NotOpen id={id} />;
  if (approval !== undefined) return <Approval key={approval.job.id} approval={approval} />;
  return <InPlaceOf query={query} what={copy.nav.approvals} name={id} />;
}

/** Decided, withdrawn or never there; the task tells which. */
function NotOpen({ id }: { id: string }) {
  const job = useQuery({ ...jobQuery(id), enabled: /^(job_)?\d+$/.test(id) }).data?.job;
  return (
    <NotThere title={copy.approval.notOpen} name={id}>
      {job === undefined ? (
        <p>{copy.state.notFoundDetail(`${copy.nav.approvals.toLowerCase()} ${id}`)}</p>
      ) : null}
      {job?.task == null ? null : (
        <p>
          <TaskCrumb name={job.task} />{' '}
          <Chip state={job.status === 'done' ? 'done' : job.status}>{copy.job[job.status]}</Chip>
        </p>
      )}
    </NotThere>
  );
}

function Approval({ approval }: { approval: ApprovalWire }) {
  const { task, job, stage, commit, since, reviewers } = approval;
  const diff = useQuery(taskDiffQuery(task.key));
  // The commit that this person looks at: a decision is about it, whatever the branch becomes meanwhile.
  const [seen, setSeen] = useState(commit);
  useEffect(() => setSeen((old) => old ?? commit), [commit]);
  const hasMoved = seen !== commit;
  return (
    <>
      <PageHead
        crumbs={[<TaskCrumb name={task.key} />, sentence(stage)]}
        title={`${sentence(stage)}: ${task.title}`}
        actions={<Decide approval={approval} commit={seen} hasMoved={hasMoved} />}
      >
        <Chip state="needs_you">{copy.hold['approval.pending']}</Chip>
        <span className="tag mono">
          <GitCommitHorizontal aria-hidden="true" />
          {seen === null ? copy.approval.noHead : seen.slice(0, 10)}
        </span>
        <span className="text-sm text-ink-3">
          {copy.approval.asked} <Ago at={since} />
        </span>
      </PageHead>
      {hasMoved ? (
        <div className="note tone-attention mb-4" role="alert">
          <p className="flex-1">{copy.approval.moved}</p>
          <Button isSmall onClick={() => setSeen(commit)}>
            {copy.approval.look}
          </Button>
        </div>
      ) : null}
      <p className="mb-4 text-sm text-ink-2">
        {copy.approval.by}{' '}
        {reviewers.length === 0 ? copy.approval.anyOperator : copy.approval.only(reviewers.join(', '))}
      </p>
      <div className="columns columns-narrow">
        <div className="stack max-lg:order-2">
          {approval.findings.length === 0 ? null : <Findings findings={approval.findings} />}
          {task.trace === null ? null : <Trace trace={task.trace} taskKey={task.key} />}
          <Card title={copy.run.tabs.diff}>
            <Loaded query={diff} what={copy.run.tabs.diff} rows={8}>
              {({ diff: { patch, cut } }) => (
                <Suspense fallback={<Skeleton rows={8} />}>
                  <DiffView text={patch} flags={flagsOf(approval)} />
                  {cut ? <p className="card-body text-sm text-ink-2">{copy.approval.cut}</p> : null}
                </Suspense>
              )}
            </Loaded>
          </Card>
        </div>
        <div className="stack max-lg:order-1">
          <Summary approval={approval} job={job} />
        </div>
      </div>
    </>
  );
}

function flagsOf({ change }: ApprovalWire): Readonly<Record<string, string>> {
  return Object.fromEntries(
    (change?.files ?? []).flatMap(({ path, risks }) =>
      risks.length === 0 ? [] : [[path, risksAsWords(risks)]],
    ),
  );
}

function risksAsWords(risks: readonly string[]): string {
  return risks.map((risk) => copy.approval.risk[risk] ?? risk).join(', ');
}

function Decide({
  approval,
  commit,
  hasMoved,
}: {
  approval: ApprovalWire;
  commit: string | null;
  hasMoved: boolean;
}) {
  const approve = useAct('approve', { isQuiet: true, done: copy.approval.approved });
  const [isRejecting, setRejecting] = useState(false);
  const notMine = approval.mayDecide ? undefined : copy.approval.only(approval.reviewers.join(', '));
  const target = approval.job.id;
  return (
    <>
      <ActionButton action="reject" look="danger" whyNot={notMine} onClick={() => setRejecting(true)}>
        <X aria-hidden="true" />
        {copy.approval.reject}
      </ActionButton>
      <ActionButton
        action="approve"
        look="primary"
        whyNot={notMine ?? (hasMoved ? copy.approval.moved : undefined)}
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
      {isRejecting ? (
        <Reject target={target} name={approval.task.key} onClose={() => setRejecting(false)} />
      ) : null}
    </>
  );
}

function Findings({ findings }: Pick<ApprovalWire, 'findings'>) {
  return (
    <Card title={copy.approval.findings} hint={findings.length}>
      <ul className="inbox">
        {findings.map(({ severity, file, line, title, detail }) => (
          <li key={`${file}:${line}:${title}`} className="!items-start">
            <Chip state={severity === 'blocker' || severity === 'major' ? 'failed' : 'needs_you'}>
              {sentence(severity)}
            </Chip>
            <div className="min-w-0 flex-1 wrap-anywhere">
              <p className="font-medium">{title}</p>
              {file === null ? null : (
                <p>
                  <code className="text-xs">
                    {file}
                    {line === null ? '' : `:${line}`}
                  </code>
                </p>
              )}
              <p className="text-sm whitespace-pre-wrap text-ink-2">{detail}</p>
            </div>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Reject({ target, name, onClose }: { target: string; name: string; onClose: () => void }) {
  const [reason, setReason] = useState('');
  const act = useAct('reject', { isQuiet: true, done: copy.approval.rejected });
  return (
    <AskDialog
      title={`${copy.approval.rejectDo} ${name}`}
      action="reject"
      label={copy.approval.rejectDo}
      act={act}
      isDanger
      isMissing={reason.trim() === ''}
      onAsk={() => act.mutate({ target, reason: reason.trim() }, { onSuccess: onClose })}
      onClose={onClose}
    >
      <LongField
        label={copy.approval.reason}
        hint={copy.approval.reasonHint}
        value={reason}
        onChange={setReason}
      />
    </AskDialog>
  );
}

function Summary({ approval, job }: { approval: ApprovalWire; job: ApprovalWire['job'] }) {
  const { task, change, checks, summary, commit } = approval;
  const risky = change?.files.filter(({ risks }) => risks.length > 0) ?? [];
  const { tests, proven } = testsOf(task.trace);
  const rows: FactRows = [
    [
      copy.approval.commit,
      <span key="c" className="mono">
        {commit?.slice(0, 10) ?? '–'}
      </span>,
    ],
    [
      copy.approval.files,
      change === null ? (
        '–'
      ) : (
        <>
          {count(change.stat.files)}, <Changed added={change.stat.added} deleted={change.stat.deleted} />
        </>
      ),
    ],
    [
      copy.run.tabs.checks,
      checks.green ? copy.approval.green(checks.passed, checks.total) : copy.approval.notGreen,
    ],
    ...(tests.length === 0
      ? []
      : [[copy.approval.checks, copy.approval.checksOf(proven, tests.length)] as const]),
    [copy.approval.spent, spent(approval)],
    [
      copy.columns.project,
      <span key="p" className="mono">
        {job.project}
      </span>,
    ],
  ];
  return (
    <>
      <Card title={copy.approval.what}>
        <div className="card-body grid gap-3">
          <Facts rows={rows} />
          {risky.length === 0 ? (
            <p className="text-sm text-ink-2">{copy.approval.noRisk}</p>
          ) : (
            <div className="note tone-attention">
              <div className="grid min-w-0 gap-1">
                <p className="font-medium">{copy.approval.risky(plural(risky.length, 'file'))}</p>
                <ul className="grid gap-1">
                  {risky.map(({ path, risks }) => (
                    <li key={path} className="wrap-anywhere">
                      {risksAsWords(risks)}: <code>{path}</code>
                    </li>
                  ))}
                </ul>
              </div>
            </div>
          )}
        </div>
      </Card>
      {summary === null ? null : (
        <Card title={copy.approval.summary} hint={<span className="mono">{summary.name}</span>}>
          <p
            className="card-body max-h-96 overflow-y-auto text-sm wrap-anywhere whitespace-pre-wrap"
            tabIndex={0}
            role="region"
            aria-label={copy.approval.summary}
          >
            {summary.text}
          </p>
        </Card>
      )}
    </>
  );
}
