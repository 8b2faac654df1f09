import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Check, Copy, ShieldCheck } from 'lucide-react';
import { useId } from 'react';
import type { Explain } from '../../../../src/http/contract.ts';
import { useConnection } from '../../api/connection.ts';
import { explainQuery } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { useNow } from '../../lib/clock.ts';
import { explainAsText } from '../../lib/explain-text.ts';
import { capital } from '../../lib/format.ts';
import type { ReasonWire } from '../../lib/needs-you.ts';
import { Button, buttonClass } from '../../ui/button.tsx';
import { Meter } from '../../ui/card.tsx';
import { useCopy } from '../../ui/copy-text.tsx';
import { ReasonIcon, Titled, toneOfReason } from '../../ui/reason.tsx';
import { ReasonActions } from '../../ui/reason-actions.tsx';
import { Loaded } from '../../ui/states.tsx';
import { Ago, At } from '../../ui/time.tsx';
import { StateIcon, type StateName, toneOf } from '../../ui/tone.tsx';

/** After this long without a fresh explanation nothing of it is taken for true. */
const TRUSTED_MS = 30_000;

const STATES: Readonly<Record<Explain['verdict'], StateName>> = {
  working: 'running',
  idle: 'done',
  waiting: 'waiting',
  needs_you: 'needs_you',
  unknown: 'unknown',
};

/** Why is nothing running? The dispatcher's own answer, never one of the page's. */
export function ExplainPanel({ project }: { project: string | undefined }) {
  const query = useQuery(explainQuery(project));
  const id = useId();
  return (
    <section className="card overflow-hidden" aria-labelledby={id} data-testid="explain">
      <Loaded query={query} what={copy.now.explanation} rows={4}>
        {(explain) => <Panel explain={explain} headId={id} />}
      </Loaded>
    </section>
  );
}

/** What was true half a minute ago is not known to be true now. */
function useTrusted(explain: Explain): Explain {
  const now = useNow();
  const { isReachable, heardAt } = useConnection();
  const age = now - Math.max(Date.parse(explain.generatedAt), isReachable ? (heardAt ?? 0) : 0);
  if (explain.verdict === 'unknown' || age < TRUSTED_MS) return explain;
  return { ...explain, verdict: 'unknown', headline: copy.now.unknownHeadline, reasons: [], checks: [] };
}

function Panel({ explain: given, headId }: { explain: Explain; headId: string }) {
  const explain = useTrusted(given);
  const state = STATES[explain.verdict];
  const held = explain.reasons.reduce((sum, { jobsHeld }) => sum + jobsHeld, 0);
  const copier = useCopy();
  return (
    <>
      <div
        className={`tone-${explain.verdict === 'unknown' ? 'attention' : toneOf(state)} flex items-center gap-3 bg-tone-tint p-4 max-md:flex-wrap`}
      >
        <StateIcon state={state} size={20} />
        <div className="min-w-0 flex-1 max-md:basis-[70%]">
          <h2 id={headId} className="text-lg tracking-tight">
            {explain.headline}
          </h2>
          <p className="text-sm text-ink-2">
            {explain.verdict === 'unknown' ? copy.now.unknownHint : <Facts explain={explain} />}
          </p>
        </div>
        <Button isSmall onClick={() => copier.copy(explainAsText(explain))}>
          {copier.isCopied ? <Check aria-hidden="true" /> : <Copy aria-hidden="true" />}
          <span className="max-md:sr-only">{copier.isCopied ? copy.now.copied : copy.now.copyText}</span>
        </Button>
        <Link to="/health" className={buttonClass('plain', true)}>
          <ShieldCheck aria-hidden="true" />
          {copy.now.runChecks}
        </Link>
      </div>
      {copier.fallback}
      {explain.reasons.length === 0 ? null : (
        <ol>
          {explain.reasons.map((reason) => (
            <ReasonRow
              key={`${reason.code}:${reason.scope.kind}:${reason.scope.id}`}
              reason={reason}
              share={held === 0 ? 0 : reason.jobsHeld / held}
            />
          ))}
        </ol>
      )}
      <Checks checks={explain.checks} />
    </>
  );
}

function Facts({ explain }: { explain: Explain }) {
  const { lastRunEndedAt, nextChange } = explain;
  return (
    <>
      {lastRunEndedAt === undefined ? null : (
        <>
          {copy.now.lastRun} <At at={lastRunEndedAt} />.{' '}
        </>
      )}
      {nextChange === undefined ? null : (
        <>
          {copy.now.nextChange} {nextChange.what}, <At at={nextChange.at} />.
        </>
      )}
    </>
  );
}

function ReasonRow({ reason, share }: { reason: ReasonWire; share: number }) {
  const projects = Object.entries(reason.byProject);
  return (
    <li data-row className={`reason tone-${toneOfReason(reason.code, reason.state)}`} data-code={reason.code}>
      <span className="self-start pt-px">
        <ReasonIcon code={reason.code} state={reason.state} />
      </span>
      <div className="min-w-0 wrap-anywhere">
        <h3 className="text-base">
          <Titled title={reason.title} scope={reason.scope} />
        </h3>
        {reason.detail === '' ? null : <p className="two-lines text-sm text-ink-2">{reason.detail}</p>}
        <p className="mt-[3px] text-xs text-ink-3">
          {reason.clearsWhen}
          {reason.clearsAt === undefined ? null : (
            <>
              {' '}
              <Ago at={reason.clearsAt} />
            </>
          )}{' '}
          <span className="dotted">
            {projects.length === 0 ? null : (
              <span>{projects.map(([key, n]) => `${key} ${n}`).join(', ')}</span>
            )}
            <span>
              {projects.length === 0 ? capital(copy.now.since) : copy.now.since} <At at={reason.since} />
            </span>
          </span>
        </p>
      </div>
      <div className="reason-held">
        {reason.jobsHeld === 0 ? (
          <p className="text-sm text-ink-3">{copy.now.noneHeld}</p>
        ) : (
          <>
            <p className="num whitespace-nowrap">
              <strong className="text-lg">{reason.jobsHeld}</strong>{' '}
              <span className="text-sm text-ink-3">{copy.now.jobsHeld(reason.jobsHeld)}</span>
            </p>
            <Meter share={share} />
          </>
        )}
      </div>
      <div className="reason-actions">
        <ReasonActions reason={reason} />
      </div>
    </li>
  );
}

function Checks({ checks }: { checks: Explain['checks'] }) {
  if (checks.length === 0) return null;
  return (
    <div className="flex items-baseline gap-x-4 gap-y-2 px-4 pt-[11px] pb-[13px] max-md:flex-col">
      <h3 className="text-xs font-medium whitespace-nowrap text-ink-3">{copy.now.checkedOrder}</h3>
      <ul className="flex flex-wrap gap-x-[18px] gap-y-[7px]">
        {checks.map(({ code, state, value }) => {
          const shown = state === 'ok' ? 'done' : state === 'unknown' ? 'unknown' : state;
          return (
            <li key={code} className={`tone-${toneOf(shown)} flex max-w-full items-center gap-[5px] text-xs`}>
              {state === 'ok' ? (
                <Check size={14} strokeWidth={2.4} aria-hidden="true" className="shrink-0 text-tone" />
              ) : (
                <StateIcon state={shown} size={14} />
              )}
              <span className="font-medium">{copy.gate[code] ?? code}</span>
              <span className={`num min-w-0 ${state === 'ok' ? 'text-ink-3' : 'text-tone-ink'}`}>
                {value}
              </span>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
