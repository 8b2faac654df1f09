import type { ProcessEnd, Verdict } from '../../core/failure.ts';
import type { FinishedRun } from '../agent.ts';
import { objectAt, textAt } from '../fields.ts';
import { type JsonObject, trimLine } from '../json-documents.ts';
import { oneLine } from '../one-line.ts';
import { type Decision, endedByForce, endedBySignalCode, plain } from '../process-end.ts';
import { epochMsOf, readResetTime } from '../reset-time.ts';
import { readRetryAfter } from '../retry-after.ts';
import { shapeOf } from '../unknown-shape.ts';
import { factsOfEvents, factsOfResult } from './error-facts.ts';
import { rejectedUntil } from './event-fields.ts';
import { ruleFor } from './failure-rules.ts';
import { isFailure, isGoodResult } from './good-result.ts';
import type { LogFacts } from './read-log.ts';

/** Only the end of the CLI's words in a log without a result may decide. */
const WORDS_CHARS = 4096;
const MAX_RUN_MS = 30 * 24 * 3_600_000;

/** The verdict, from the most to the least trusted evidence: what we did, how it ended, the result, the events, the words. */
export function decide(run: FinishedRun, log: LogFacts | null, stderr: string): Decision {
  const end = endedByForce(run.end, 'claude');
  if (end !== null) return end;
  if (log === null) {
    return (
      endedBySignalCode(run.end, 'claude') ?? plain('permanent', 'claude.log.missing', 'missing run log')
    );
  }
  const context = { run, log, stderr };
  if (log.result === null) return endedBySignalCode(run.end, 'claude') ?? judgeWithoutResult(context);
  return isGoodResult(log.result, log)
    ? judgeGoodResult(run.end, log.result)
    : judgeFailedResult(context, log.result);
}

interface Context {
  readonly run: FinishedRun;
  readonly log: LogFacts;
  readonly stderr: string;
}

function judgeGoodResult(end: ProcessEnd, result: JsonObject): Decision {
  if (end.exitCode === 0)
    return plain('success', 'claude.result.success', firstOf(textAt(result, 'result'), 'done'));
  // A good result alone proves nothing: only exit 0 does.
  if (end.exitCode === null) return plain('lost', 'claude.end.unknown', 'the exit code is not known');
  return (
    endedBySignalCode(end, 'claude') ??
    plain('permanent', 'claude.result.exit_code', `exit code ${end.exitCode} in spite of a good result`)
  );
}

function judgeFailedResult(context: Context, result: JsonObject): Decision {
  const facts = factsOfResult(context.log, result);
  const known = ruleFor(facts);
  const words = firstOf(facts.text, facts.subtype, 'failed without a word');
  if (known !== null) return explained(context, known.rule, known.verdict, words, facts.text);
  if (!isFailure(result, context.log))
    return plain('permanent', 'claude.result.empty_answer', 'the answer is empty');
  return {
    ...explained(context, 'claude.unknown', 'permanent', words, facts.text),
    unknownShape: shapeOf('claude-code', result, facts.text),
  };
}

/** No result: a failure always, but of what class the CLI's last events and own words may tell. */
function judgeWithoutResult(context: Context): Decision {
  const { log, stderr } = context;
  const words = wordsOutside(context);
  const facts = factsOfEvents(log, words);
  const known = ruleFor(facts);
  if (known !== null) {
    const isPlain = !log.blank && known.verdict !== 'permanent' && facts.text !== '';
    return explained(
      context,
      known.rule,
      known.verdict,
      isPlain ? facts.text : `${missing(log)}: ${facts.text}`,
      facts.text,
    );
  }
  if (log.oddEnd !== null) {
    return {
      ...plain('permanent', 'claude.unknown', missing(log)),
      unknownShape: shapeOf('claude-code', log.oddEnd),
    };
  }
  return plain(
    'permanent',
    log.blank ? 'claude.log.empty' : 'claude.log.no_result',
    oneLine([missing(log), trimLine(stderr)].filter(Boolean).join(': ')),
  );
}

function missing(log: LogFacts): string {
  return log.blank ? 'empty run log' : 'no result JSON';
}

/** What the CLI printed beside its events: the end of the plain lines, and of stderr. */
function wordsOutside({ log, stderr }: Context): string {
  return [log.plainWords.slice(-WORDS_CHARS), stderr.slice(-WORDS_CHARS)]
    .map(trimLine)
    .filter(Boolean)
    .join('\n');
}

function explained(
  context: Context,
  rule: string,
  verdict: Verdict,
  reason: string,
  words: string,
): Decision {
  const after = lastMoment(context);
  return {
    verdict,
    rule,
    reason: oneLine(reason),
    resetAt: verdict === 'usage_limit' ? resetAtOf(context, words, after) : null,
    retryAfterMs: readRetryAfter(words, after),
    unknownShape: null,
  };
}

function resetAtOf({ run, log }: Context, words: string, after: number): number | null {
  const limits = [
    objectAt(objectAt(log.lastTurn, 'api_error_params'), 'rate_limit_info'),
    objectAt(objectAt(log.result, 'api_error_params'), 'rate_limit_info'),
    log.rateLimits[0],
  ];
  for (const limit of limits) {
    const until = limit === null || limit === undefined ? null : rejectedUntil(limit);
    if (until !== null) return until;
  }
  const stated = epochMsOf(log.result?.['resetsAt'] ?? log.result?.['resets_at']);
  return stated ?? readResetTime(words, { after, timeZone: run.timeZone });
}

/** Clock times are printed at the end of a run, which the newest stamp in its log tells better than its start. */
function lastMoment({ run, log }: Context): number {
  const { lastAt } = log;
  const isOfThisRun = lastAt !== null && lastAt > run.startedAt && lastAt < run.startedAt + MAX_RUN_MS;
  return isOfThisRun ? lastAt : run.startedAt;
}

function firstOf(...words: readonly string[]): string {
  return oneLine(words.find((candidate) => candidate.trim() !== '') ?? '');
}
