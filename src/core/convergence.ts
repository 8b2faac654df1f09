import { findingFingerprint, isSameFinding } from './fingerprint.ts';
import type { Finding, LoopState } from './model.ts';

/** What a round of findings is measured against; null where it is not known. */
export interface RoundFacts {
  /** Head the findings speak of. */
  readonly head: string | null;
  /** Files that the task changes, against its base. */
  readonly touched: readonly string[] | null;
  /** Files changed since the head that the last round looked at. */
  readonly changedSince: readonly string[] | null;
}

export type RoundDecision =
  | { readonly kind: 'goes_on'; readonly loop: LoopState }
  /** Another round would not help: a person decides. */
  | { readonly kind: 'stuck'; readonly loop: LoopState; readonly why: string };

const MAX_REMEMBERED = 500;

/**
 * Whether another round can help. It cannot when nothing was resolved that had not been resolved
 * before (the reviewer repeats itself, or goes back and forth), when all findings lie outside the
 * task, or when a later round asks only for new things in code that an earlier one has seen.
 */
export function judgeRound(
  before: LoopState | null,
  findings: readonly Finding[],
  facts: RoundFacts,
): RoundDecision {
  const open = findings.map(findingFingerprint);
  const gone = (before?.open ?? []).filter((old) => !isIn(open, old));
  const newlyResolved = gone.filter((old) => !isIn(before?.resolved ?? [], old));
  const loop: LoopState = {
    open: open.slice(0, MAX_REMEMBERED),
    resolved: [...(before?.resolved ?? []), ...newlyResolved].slice(-MAX_REMEMBERED),
    head: facts.head,
  };
  const stuck = (why: string): RoundDecision => ({ kind: 'stuck', loop, why });
  const titles = findings
    .slice(0, 3)
    .map((finding) => finding.title)
    .join('; ');
  if (liesOutside(findings, facts.touched))
    return stuck(`every finding is outside what the task changes: ${titles}`);
  if (before === null) return { kind: 'goes_on', loop };
  if (gone.length === 0) return stuck(`none of the last round's findings is resolved: ${titles}`);
  if (newlyResolved.length === 0)
    return stuck(`the findings go back and forth: what is resolved now was resolved before (${titles})`);
  const known = [...before.open, ...before.resolved];
  if (!open.some((each) => isIn(known, each)) && liesOutside(findings, facts.changedSince))
    return stuck(`only new findings, all in code that the last round has already seen: ${titles}`);
  return { kind: 'goes_on', loop };
}

function isIn(known: readonly string[], fingerprint: string): boolean {
  return known.some((each) => isSameFinding(each, fingerprint));
}

/** Whether each finding names a file and none of these is among `files`. A finding without a file may be about anything. */
function liesOutside(findings: readonly Finding[], files: readonly string[] | null): boolean {
  if (files === null) return false;
  return findings.every(
    (finding) => finding.file !== null && !files.includes(finding.file.replace(/^\.\//, '')),
  );
}
