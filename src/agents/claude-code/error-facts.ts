import { classifyWords, statusInWords } from '../failure-words.ts';
import { amountAt, listAt, objectAt, textAt } from '../fields.ts';
import type { JsonObject } from '../json-documents.ts';
import { isSynthetic, rejectedUntil, wordsOfTurn } from './event-fields.ts';
import type { ErrorFacts } from './failure-rules.ts';
import { isFailure } from './good-result.ts';
import type { LogFacts } from './read-log.ts';

/** An error is told in its first words; more would only cost time. */
const MAX_TEXT_CHARS = 16 * 1024;

/** What a result says of its failure, filled up from the CLI's own last message. */
export function factsOfResult(log: LogFacts, result: JsonObject): ErrorFacts {
  const isFailed = isFailure(result, log);
  const turn = log.lastTurn !== null && isSynthetic(log.lastTurn) ? log.lastTurn : null;
  const errors = listAt(result, 'errors').filter((error) => typeof error === 'string');
  // An empty answer that claims no failure has no words of the CLI in it.
  const text = isFailed
    ? [textAt(result, 'result') || (turn === null ? '' : wordsOfTurn(turn)), ...errors]
        .filter(Boolean)
        .join('\n')
        .slice(0, MAX_TEXT_CHARS)
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

/**
 * What the last events and the words outside of them say of a run that left no result. Fields are read
 * out of the CLI's last message alone: in mere words auth comes before usage limit before transient.
 */
export function factsOfEvents(log: LogFacts, words: string): ErrorFacts {
  const turn = log.lastTurn !== null && isSynthetic(log.lastTurn) ? log.lastTurn : null;
  const last = turn ?? log.lastRetry;
  const error = objectAt(log.apiError, 'error');
  const message = turn === null ? '' : wordsOfTurn(turn);
  const text = [message, textAt(error, 'message'), words].filter(Boolean).join('\n');
  return {
    status: amountAt(last, 'api_error_status') ?? amountAt(last, 'error_status') ?? statusInWords(message),
    code: textAt(turn, 'api_error'),
    type: textAt(turn, 'api_error_type') || textAt(error, 'type') || errorTypeIn(message),
    turn: textAt(last, 'error'),
    terminal: '',
    stop: '',
    subtype: '',
    planRejected: turn !== null && isPlanRejected(log),
    text,
    words: classifyWords(text),
  };
}

function isPlanRejected(log: LogFacts): boolean {
  const newest = log.rateLimits[0];
  return newest !== undefined && rejectedUntil(newest) !== null;
}

/** The API's own error type where a text quotes its JSON. */
function errorTypeIn(text: string): string {
  return /"type"\s*:\s*"((?!error")\w+_error)"/.exec(text)?.[1] ?? '';
}
