import type { ProcessEnd, Verdict } from '../../core/failure.ts';
import { unreachable } from '../../lib/assert.ts';
import type { FinishedRun } from '../agent.ts';
import { type JsonObject, trimLine } from '../json-documents.ts';
import { epochMsOf, readResetTime } from '../reset-time.ts';
import { readRetryAfter } from '../retry-after.ts';
import {
  amountAt,
  flagAt,
  isSynthetic,
  listAt,
  objectAt,
  rejectedUntil,
  textAt,
  wordsOfTurn,
} from './event-fields.ts';
import { type ErrorFacts, ruleFor } from './failure-rules.ts';
import { oneLine } from './one-line.ts';
import type { LogFacts } from './read-log.ts';
import { classifyWords, statusInWords } from './words.ts';

export interface Decision {
  readonly verdict: Verdict;
  readonly reason: string;
  readonly rule: string;
  readonly resetAt: number | null;
  readonly retryAfterMs: number | null;
}

/** Only the end of the CLI's words in a log without a result may decide. */
const WORDS_CHARS = 4096;
/** Exit codes above this are a shell's way of naming a signal. */
const SIGNAL_EXIT_BASE = 128;
const LAST_SIGNAL = 31;
const MAX_RUN_MS = 30 * 24 * 3_600_000;

/** The verdict, from the most to the least trusted evidence: what we did, how it ended, the result, the events, the words. */
export function decide(run: FinishedRun, log: LogFacts | null, stderr: string): Decision {
  const end = endedByForce(run.end);
  if (end !== null) return end;
  if (log === null) return plain('permanent', 'claude.log.missing', 'missing run log');
  const context = { run, log, stderr };
  if (log.result === null) return endedBySignalCode(run.end) ?? judgeWithoutResult(context);
  return isGoodResult(log.result, log)
    ? judgeGoodResult(run.end, log.result)
    : judgeFailedResult(context, log.result);
}

/** A result that claims no failure. Absent fields are never one, present ones may be; the exit code is not looked at. */
export function isGoodResult(result: JsonObject, log: LogFacts): boolean {
  return !isFailure(result, log) && !isEmptyAnswer(result);
}

interface Context {
  readonly run: FinishedRun;
  readonly log: LogFacts;
  readonly stderr: string;
}

/** What happened to the process from outside of it; null when it ended by itself. */
function endedByForce(end: ProcessEnd): Decision | null {
  switch (end.stoppedBy) {
    case 'cancel':
      return plain('cancelled', 'claude.end.cancelled', 'cancelled');
    case 'timeout':
      return plain('timeout', 'claude.end.timeout', 'stopped at the time limit');
    case 'stall':
      return plain('stalled', 'claude.end.stalled', 'stopped after too long without output');
    case 'outside':
      return plain(
        'lost',
        'claude.end.outside',
        `killed from outside${end.signal === null ? '' : ` by ${end.signal}`}`,
      );
    case null:
      break;
    default:
      unreachable(end.stoppedBy);
  }
  if (end.vanished)
    return plain('lost', 'claude.end.vanished', 'the process vanished without an exit record');
  if (end.signal !== null)
    return plain('lost', 'claude.end.signal', `killed by ${end.signal}, which was not ours`);
  return null;
}

/** The CLI answers SIGTERM by exit code 143, and shells name other signals the same way. */
function endedBySignalCode({ exitCode }: ProcessEnd): Decision | null {
  if (exitCode === null) return plain('lost', 'claude.end.unknown', 'the exit code is not known');
  const signal = exitCode - SIGNAL_EXIT_BASE;
  if (signal < 1 || signal > LAST_SIGNAL) return null;
  return plain(
    'lost',
    'claude.end.signal_code',
    `exit code ${exitCode}: killed by signal ${signal}, which was not ours`,
  );
}

function judgeGoodResult(end: ProcessEnd, result: JsonObject): Decision {
  if (end.exitCode === 0)
    return plain('success', 'claude.result.success', firstOf(textAt(result, 'result'), 'done'));
  return (
    endedBySignalCode(end) ??
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
  return explained(context, 'claude.result.unknown', 'permanent', words, facts.text);
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
  return plain(
    'permanent',
    log.blank ? 'claude.log.empty' : 'claude.log.no_result',
    oneLine([missing(log), trimLine(stderr)].filter(Boolean).join(': ')),
  );
}

function missing(log: LogFacts): string {
  return log.blank ? 'empty run log' : 'no result JSON';
}

function isFailure(result: JsonObject, log: LogFacts): boolean {
  const subtype = textAt(result, 'subtype');
  if (flagAt(result, 'is_error') || (subtype !== '' && subtype !== 'success')) return true;
  if (subtype === '' && result['is_error'] !== false && textAt(result, 'result') === '') return true;
  return isSpokenByCli(result, log);
}

/**
 * Versions that forget `is_error`: the closing words are those of a message the CLI made up itself,
 * or stand in the CLI's own form over a run in which no model said a word.
 */
function isSpokenByCli(result: JsonObject, log: LogFacts): boolean {
  const words = textAt(result, 'result');
  if (log.lastTurn !== null && isSynthetic(log.lastTurn))
    return words !== '' && words === wordsOfTurn(log.lastTurn);
  const answered = amountAt(objectAt(result, 'usage'), 'output_tokens') !== 0 || log.spending.realAnswer;
  return (
    !answered &&
    /^(?:API Error\b|Claude (?:AI )?usage limit reached|You've hit your |Not logged in\b|Invalid API key\b)/.test(
      words,
    )
  );
}

function isEmptyAnswer(result: JsonObject): boolean {
  const answer = result['result'];
  return typeof answer === 'string' && answer.trim() === '' && (result['structured_output'] ?? null) === null;
}

function factsOfResult(log: LogFacts, result: JsonObject): ErrorFacts {
  const isFailed = isFailure(result, log);
  const turn = log.lastTurn !== null && isSynthetic(log.lastTurn) ? log.lastTurn : null;
  const errors = listAt(result, 'errors').filter((error) => typeof error === 'string');
  // An empty answer that claims no failure has no words of the CLI in it.
  const text = isFailed
    ? [textAt(result, 'result') || (turn === null ? '' : wordsOfTurn(turn)), ...errors]
        .filter(Boolean)
        .join('\n')
    : '';
  const says = (key: string) => textAt(result, key) || textAt(turn, key);
  return {
    status: amountAt(result, 'api_error_status') ?? amountAt(turn, 'api_error_status') ?? statusInWords(text),
    code: says('api_error'),
    type: says('api_error_type') || errorTypeIn(text),
    turn: textAt(turn, 'error'),
    terminal: textAt(result, 'terminal_reason'),
    stop: textAt(result, 'stop_reason'),
    subtype: textAt(result, 'subtype'),
    planRejected: isFailed && isPlanRejected(log),
    text,
    words: classifyWords(text),
  };
}

function factsOfEvents(log: LogFacts, words: string): ErrorFacts {
  const turn = log.lastTurn !== null && isSynthetic(log.lastTurn) ? log.lastTurn : null;
  const last = turn ?? log.lastRetry;
  const error = objectAt(log.apiError, 'error');
  const text = [turn === null ? '' : wordsOfTurn(turn), textAt(error, 'message'), words]
    .filter(Boolean)
    .join('\n');
  const status = amountAt(last, 'api_error_status') ?? amountAt(last, 'error_status') ?? statusInWords(text);
  return {
    status: classifyWords(words) === 'usage_error' ? null : status,
    code: textAt(turn, 'api_error'),
    type: textAt(turn, 'api_error_type') || textAt(error, 'type') || errorTypeIn(text),
    turn: textAt(last, 'error'),
    terminal: '',
    stop: '',
    subtype: '',
    planRejected: turn !== null && isPlanRejected(log),
    text,
    words: classifyWords(text),
  };
}

/** What the CLI printed beside its events: the end of the plain lines, and of stderr. */
function wordsOutside({ log, stderr }: Context): string {
  return [log.plainWords.slice(-WORDS_CHARS), stderr.slice(-WORDS_CHARS)]
    .map(trimLine)
    .filter(Boolean)
    .join('\n');
}

function isPlanRejected(log: LogFacts): boolean {
  const newest = log.rateLimits[0];
  return newest !== undefined && rejectedUntil(newest) !== null;
}

/** The API's own error type where a text quotes its JSON. */
function errorTypeIn(text: string): string {
  return /"type"\s*:\s*"((?!error")\w+_error)"/.exec(text)?.[1] ?? '';
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

function plain(verdict: Verdict, rule: string, reason: string): Decision {
  return { verdict, rule, reason, resetAt: null, retryAfterMs: null };
}
