import type { Judgement } from '../core/failure.ts';
import { NO_USAGE, type Usage } from '../core/usage.ts';
import type { FinishedRun } from './agent.ts';
import { type ErrorSaid, type FailureRule, NOTHING_SAID, ruleFor } from './api-error.ts';
import type { LogText } from './event-log.ts';
import { trimLine } from './json-documents.ts';
import { oneLine } from './one-line.ts';
import { type Decision, endedByForce, endedBySignalCode, plain } from './process-end.ts';
import { readResetTime } from './reset-time.ts';
import { readRetryAfter } from './retry-after.ts';
import { shapeOf } from './unknown-shape.ts';

/** Only the end of the CLI's words may decide. */
const WORDS_CHARS = 4096;
const MAX_ANSWER_CHARS = 4096;
const MAX_DENIALS = 50;
const MAX_RUN_MS = 30 * 24 * 3_600_000;
const BARE_ERROR = 'failed without a word';

/** What an adapter read out of a run's logs. */
export interface RunReport {
  readonly log: LogText;
  /** The end of stderr. */
  readonly stderr: string;
  /**
   * How the CLI itself says the run came out. `unfinished`: it ended in the middle of its work;
   * `aborted`: it was interrupted; null: it does not say.
   */
  readonly outcome: 'good' | 'failed' | 'unfinished' | 'aborted' | null;
  /** It came out well, and is known to have said nothing. */
  readonly isEmpty: boolean;
  /** What it failed of; of a retry that it never got past, when there is no outcome. */
  readonly error: ErrorSaid | null;
  readonly answer: string;
  readonly sessionId: string | null;
  readonly cliVersion: string | null;
  readonly usage: Usage;
  readonly realAnswer: boolean;
  readonly denials: readonly string[];
  /** Newest timestamp, epoch milliseconds. */
  readonly lastAt: number | null;
}

/** What differs between CLIs when a report is judged. */
export interface Manner {
  /** Also the prefix of every rule's name. */
  readonly kind: string;
  readonly rules: readonly FailureRule[];
  /** Exit codes above 128 that name something else than a signal. Default: none. */
  readonly isOwnExitCode?: (exitCode: number) => boolean;
}

/**
 * The judgement of a report, from the most to the least trusted evidence: what we did to the process,
 * how it ended, what the CLI says of its outcome, its last events, its words. A null report: no log.
 */
export function judgeReport(run: FinishedRun, report: RunReport | null, manner: Manner): Judgement {
  const decision = decide(run, report, manner);
  const isGood = report?.outcome === 'good' && !report.isEmpty;
  return {
    ...decision,
    resultOk: isGood,
    usage: report?.usage ?? NO_USAGE,
    sessionCostUsd: null,
    sessionId: report?.sessionId ?? null,
    realAnswer: report?.realAnswer ?? false,
    ownLimit: manner.rules.some(({ rule, ownLimit }) => rule === decision.rule && ownLimit === true),
    denials: [...new Set(report?.denials ?? [])].slice(0, MAX_DENIALS),
    answer: (report?.answer ?? '').slice(0, MAX_ANSWER_CHARS),
    structured: null,
    windows: [],
    cliVersion: report?.cliVersion ?? null,
  };
}

function decide(run: FinishedRun, report: RunReport | null, manner: Manner): Decision {
  const { kind } = manner;
  const forced = endedByForce(run.end, kind);
  if (forced !== null) return forced;
  if (report === null)
    return signalled(run, manner) ?? plain('permanent', `${kind}.log.missing`, 'missing run log');
  switch (report.outcome) {
    case 'good':
      return judgeGood(run, report, manner);
    case 'failed':
      return explainKnown(run, report, manner, report.error ?? NOTHING_SAID);
    case 'unfinished':
      return signalled(run, manner) ?? judgeUnfinished(run, report, manner);
    case 'aborted':
      // Only we may call it cancelled; an interrupt that nobody here sent is like a kill from outside.
      return plain('lost', `${kind}.result.aborted`, 'interrupted, and not by Orch');
    case null:
      return signalled(run, manner) ?? judgeWithoutOutcome(run, report, manner);
  }
}

function judgeGood(run: FinishedRun, report: RunReport, manner: Manner): Decision {
  const { kind } = manner;
  const { exitCode } = run.end;
  if (exitCode === 0 && report.isEmpty)
    return plain('permanent', `${kind}.result.empty_answer`, 'the answer is empty');
  if (exitCode === 0) return plain('success', `${kind}.result.success`, oneLine(report.answer) || 'done');
  // A good result alone proves nothing: only exit 0 does.
  if (exitCode === null) return plain('lost', `${kind}.end.unknown`, 'the exit code is not known');
  const bySignal = signalled(run, manner);
  if (bySignal !== null) return bySignal;
  if (report.error !== null) return explainKnown(run, report, manner, report.error);
  return plain('permanent', `${kind}.result.exit_code`, `exit code ${exitCode} in spite of a good result`);
}

function signalled({ end }: FinishedRun, manner: Manner): Decision | null {
  const isOwn = end.exitCode !== null && manner.isOwnExitCode?.(end.exitCode) === true;
  return isOwn ? null : endedBySignalCode(end, manner.kind);
}

/** A run that failed may have said why beside its events; one that ended by itself has not. */
function judgeUnfinished(run: FinishedRun, report: RunReport, manner: Manner): Decision {
  const { denials } = report;
  const why = denials.length === 0 ? '' : `, after ${oneLine(denials.join(', '), 160)} was refused`;
  const cut = plain('permanent', `${manner.kind}.result.unfinished`, `ended without a final answer${why}`);
  if (run.end.exitCode === 0 && report.error === null) return cut;
  return judgeByWords(run, report, manner) ?? cut;
}

function explainKnown(run: FinishedRun, report: RunReport, manner: Manner, error: ErrorSaid): Decision {
  const row = ruleFor(manner.rules, error);
  const words = firstOf(error.text, error.type, error.code, BARE_ERROR);
  const decision = explain(run, report, error, {
    rule: row?.rule ?? `${manner.kind}.unknown`,
    verdict: row?.verdict ?? 'permanent',
    reason: words,
  });
  if (row !== null) return decision;
  return { ...decision, unknownShape: shapeOf(manner.kind, error.event, error.text) };
}

/** The CLI does not say how it came out: a failure always, but of what class its last events and own words may tell. */
function judgeWithoutOutcome(run: FinishedRun, report: RunReport, manner: Manner): Decision {
  const { log, stderr } = report;
  const missing = missingIn(log);
  const known = judgeByWords(run, report, manner);
  if (known !== null) return known;
  if (log.oddEnd !== null) {
    return {
      ...plain('permanent', `${manner.kind}.unknown`, missing),
      unknownShape: shapeOf(manner.kind, log.oddEnd),
    };
  }
  return plain(
    'permanent',
    `${manner.kind}.log.${log.blank ? 'empty' : 'no_result'}`,
    oneLine([missing, trimLine(stderr)].filter(Boolean).join(': ')),
  );
}

/** By the error it last spoke of, and what it printed beside its events. Null when no row knows that. */
function judgeByWords(run: FinishedRun, report: RunReport, manner: Manner): Decision | null {
  const { log, stderr } = report;
  const said = report.error ?? NOTHING_SAID;
  const outside = [log.plainWords.slice(-WORDS_CHARS), stderr.slice(-WORDS_CHARS)];
  const text = [said.text, ...outside].map(trimLine).filter(Boolean).join('\n');
  const error = { ...said, text };
  const row = ruleFor(manner.rules, error);
  if (row === null) return null;
  const isPlain = !log.blank && row.verdict !== 'permanent' && text !== '';
  const reason = isPlain ? text : `${missingIn(log)}: ${firstOf(text, error.type, BARE_ERROR)}`;
  return explain(run, report, error, { rule: row.rule, verdict: row.verdict, reason });
}

function missingIn(log: LogText): string {
  return log.blank ? 'empty run log' : 'no result JSON';
}

function explain(
  run: FinishedRun,
  report: RunReport,
  error: ErrorSaid,
  decided: Pick<Decision, 'rule' | 'verdict' | 'reason'>,
): Decision {
  const after = momentOf(run, error.at ?? report.lastAt);
  const retryAfterMs = error.retryAfterMs ?? readRetryAfter(error.text, after);
  const waited = error.retryAfterMs === null ? null : after + error.retryAfterMs;
  const resetAt = error.resetAt ?? readResetTime(error.text, { after, timeZone: run.timeZone }) ?? waited;
  return {
    ...decided,
    reason: oneLine(decided.reason) || BARE_ERROR,
    resetAt: decided.verdict === 'usage_limit' ? resetAt : null,
    retryAfterMs,
    unknownShape: null,
  };
}

/** Clock times are printed when the error is, which a stamp in the log tells better than the run's start. */
function momentOf(run: FinishedRun, at: number | null): number {
  return at !== null && at > run.startedAt && at < run.startedAt + MAX_RUN_MS ? at : run.startedAt;
}

function firstOf(...words: readonly string[]): string {
  return words.find((candidate) => candidate.trim() !== '') ?? '';
}
