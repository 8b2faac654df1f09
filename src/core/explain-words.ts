import type { Reason } from './dispatch-state.ts';
import type { Explained, Explanation } from './explain.ts';

/** One reason as every surface puts it into words; instants are text already. */
export interface ReasonView {
  readonly state: 'waiting' | 'needs_you';
  readonly title: string;
  readonly detail: string;
  readonly jobsHeld: number;
  readonly clearsWhen: string;
  readonly clearsAt: string | null;
  /** Command that clears it. */
  readonly fix: string | null;
}

export interface ReasonWords {
  readonly mark: '▲' | '◷';
  readonly title: string;
  /** "7 jobs"; empty when it holds none. */
  readonly held: string;
  readonly detail: string;
  /** What clears it or who, and when. */
  readonly clears: string;
  /** The command by which a person clears it, where one has to. */
  readonly fix: string | null;
}

export function reasonWords(view: ReasonView): ReasonWords {
  const { state, title, detail, jobsHeld: n, clearsWhen, clearsAt, fix } = view;
  return {
    mark: state === 'needs_you' ? '▲' : '◷',
    // Of a task or an empty tracker there is no job to count.
    ...{ title, held: n === 0 ? '' : `${n} ${n === 1 ? 'job' : 'jobs'}`, detail },
    clears: `${clearsWhen}${clearsAt === null ? '' : ` ${clearsAt}`}`,
    fix: state === 'needs_you' ? fix : null,
  };
}

export interface ExplainWords {
  readonly headline: string;
  readonly after: string;
  readonly reasons: readonly ReasonWords[];
}

/** "Last run ended …. Next change without you: …", the line under the headline. */
export function afterWords(lastRunEndedAt: string | null, next: { at: string; what: string } | null): string {
  const last = lastRunEndedAt === null ? 'No run has ended yet.' : `Last run ended ${lastRunEndedAt}.`;
  return next === null ? last : `${last} Next change without you: ${next.at} ${next.what}.`;
}

/** The whole explanation in words, as `orch why` and `/why` say it. */
export function explainWords(
  { headline, reasons, nextChange }: Explanation,
  lastRunEndedAt: number | null,
  time: (at: number) => string,
): ExplainWords {
  return {
    headline,
    after: afterWords(
      lastRunEndedAt === null ? null : time(lastRunEndedAt),
      nextChange === null ? null : { at: time(nextChange.at), what: nextChange.what },
    ),
    reasons: reasons.map(({ reason, jobs }) => reasonWords(viewOf(reason, jobs.length, time))),
  };
}

export function viewOf(reason: Reason, jobsHeld: number, time: (at: number) => string): ReasonView {
  const { state, title, detail, clearsWhen, clearsAt, fix } = reason;
  return {
    state,
    title,
    detail,
    jobsHeld,
    clearsWhen,
    clearsAt: clearsAt === null ? null : time(clearsAt),
    fix,
  };
}

/** Plain lines, for a surface without columns. */
export function plainReason({ mark, title, held, detail, clears, fix }: ReasonWords): string {
  return [
    `${mark} ${title}${held === '' ? '' : ` (${held})`}`,
    ...(detail === '' ? [] : [`   ${detail}`]),
    `   ${clears}`,
    ...(fix === null ? [] : [`   fix  ${fix}`]),
  ].join('\n');
}

/** The explanation where there are no columns and no clock of the reader's, as in a comment. */
export function explainText({ headline, reasons }: Explained): string {
  const utc = (at: number) => `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  return [headline, ...reasons.map(({ reason }) => plainReason(reasonWords(viewOf(reason, 0, utc))))].join(
    '\n\n',
  );
}
