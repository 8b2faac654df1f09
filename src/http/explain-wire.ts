import { isUnreachable } from '../core/destination-gates.ts';
import type { DispatchState } from '../core/dispatch-state.ts';
import type { Explained, Explanation } from '../core/explain.ts';
import { jobName } from '../core/model.ts';
import type { Counts } from '../store/store.ts';
import { checksOf } from './checks-wire.ts';
import type { Explain } from './contract.ts';
import { iso } from './wire.ts';

const SAMPLE = 5;
/** Of a gate, a task or a tracker: how it came to be known. */
const SOURCES: Record<string, string> = {
  task: 'task',
  'nothing.queued': 'tracker',
  'intake.pending': 'tracker',
  'intake.failed': 'tracker',
  'dependency.open': 'tracker',
  'tracker.unreachable': 'outbox',
  'forge.unreachable': 'outbox',
};

/** The explanation on the wire: `orch.explain/1`, the same object for page, CLI and chat. */
export function explainToWire(of: {
  explanation: Explanation;
  counts: Counts;
  state: DispatchState | null;
  now: number;
  /** Bytes left on the fullest disk; null = not known. */
  room: number | null;
}): Explain {
  const { explanation, counts, state, now } = of;
  const observedAt = iso(state?.tickAt ?? now);
  return {
    schema: 'orch.explain/1',
    generatedAt: iso(now),
    schedulerTickAgeMs: state === null ? -1 : now - state.tickAt,
    verdict: explanation.verdict,
    headline: explanation.headline,
    ...(counts.lastRunEndedAt === null ? {} : { lastRunEndedAt: iso(counts.lastRunEndedAt) }),
    ...(explanation.nextChange === null
      ? {}
      : { nextChange: { at: iso(explanation.nextChange.at), what: explanation.nextChange.what } }),
    counts: explanation.counts,
    reasons: explanation.reasons.map((held) => reasonToWire(held, observedAt)),
    checks: checksOf(explanation, state === null ? null : { state, room: of.room }),
  };
}

/** The same at an instant before: what was observed then is what the ledger kept. */
export function explainedToWire(explained: Explained, at: number, now: number): Explain {
  return {
    schema: 'orch.explain/1',
    generatedAt: iso(now),
    at: iso(at),
    schedulerTickAgeMs: 0,
    verdict: explained.verdict,
    headline: explained.headline,
    counts: explained.counts,
    reasons: explained.reasons.map((held) => reasonToWire(held, null)),
    checks: checksOf(explained, 'past'),
  };
}

function reasonToWire(
  { reason, jobs }: Explained['reasons'][number],
  observedAt: string | null,
): Explain['reasons'][number] {
  return {
    code: reason.code,
    scope: reason.scope,
    state: reason.state,
    title: reason.title,
    detail: reason.detail,
    jobsHeld: jobs.length,
    byProject: Object.fromEntries(
      [...Map.groupBy(jobs, (job) => job.project)].map(([project, held]) => [project, held.length]),
    ),
    sample: jobs.slice(0, SAMPLE).map((job) => jobName(job.id)),
    since: iso(reason.since),
    ...(reason.clearsAt === null ? {} : { clearsAt: iso(reason.clearsAt) }),
    clearsWhen: reason.clearsWhen,
    evidence: {
      observedAt: observedAt ?? iso(reason.since),
      source:
        SOURCES[reason.code] ?? SOURCES[reason.scope.kind] ?? (observedAt === null ? 'ledger' : 'dispatcher'),
      text: reason.detail === '' ? reason.title : reason.detail,
    },
    actions:
      reason.fix === null
        ? []
        : [
            isUnreachable(reason)
              ? { id: 'check', label: 'Check again', role: 'operator' as const, cli: reason.fix }
              : { id: 'fix', label: reason.clearsWhen, role: 'operator' as const, cli: reason.fix },
          ],
  };
}
