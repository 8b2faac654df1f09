import { amountAt, flagAt, objectAt, textAt } from '../fields.ts';
import type { JsonObject } from '../json-documents.ts';
import { isSynthetic, wordsOfTurn } from './event-fields.ts';
import type { LogFacts } from './read-log.ts';

/** A result that claims no failure. Absent fields are never one, present ones may be; the exit code is not looked at. */
export function isGoodResult(result: JsonObject, log: LogFacts): boolean {
  return !isFailure(result, log) && !isEmptyAnswer(result);
}

/** Whether a result claims a failure, in whichever way its version does. */
export function isFailure(result: JsonObject, log: LogFacts): boolean {
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
