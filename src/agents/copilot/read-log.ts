import { NO_USAGE, type Usage } from '../../core/usage.ts';
import { type ErrorSaid, errorInBody, NOTHING_SAID } from '../api-error.ts';
import { readEventLog } from '../event-log.ts';
import { amountAt, flagAt, listAt, objectAt, textAt } from '../fields.ts';
import { type JsonObject, parseJsonLine } from '../json-documents.ts';
import { readHead } from '../log-lines.ts';
import { oneLine } from '../one-line.ts';
import type { RunReport } from '../run-report.ts';

const HEAD_BYTES = 64 * 1024;
const MARKS = ['"result"', '"user.message"', '"assistant.usage"'];
const KNOWN =
  /^(?:result$|abort$|system\.|session\.|user\.|assistant\.|tool\.|model\.|agent\.|subagent\.|skill\.|hook\.|permission\.|command\.|external_tool\.)/;
const REFUSED = /denied|rejected|not permitted|permission/i;

/** Reads stdout from its end; null when there is none. Stderr is given as its end. */
export async function readRun(path: string, stderr: string): Promise<RunReport | null> {
  const reader = createReader();
  const log = await readEventLog(path, reader);
  if (log === null) return null;
  const head = (await readHead(path, HEAD_BYTES)) ?? Buffer.alloc(0);
  const { sessionId, cliVersion } = startIn(head.toString('utf8'));
  const report = reader.report();
  return { ...report, sessionId: report.sessionId ?? sessionId, cliVersion, log, stderr };
}

function createReader() {
  let result: JsonObject | null = null;
  let isAborted = false;
  let isPromptSeen = false;
  let answer: string | null = null;
  let hasAnswered = false;
  /** The newest error of the session that no answer came after. */
  let error: JsonObject | null = null;
  let call: JsonObject | null = null;
  let lastAt: number | null = null;
  let usage: Usage = NO_USAGE;
  const denials: string[] = [];

  function takeMessage(data: JsonObject | null): void {
    const words = textAt(data, 'content');
    answer ??= words;
    if (words !== '' || listAt(data, 'toolRequests').length > 0) hasAnswered = true;
    usage = { ...usage, turns: usage.turns + 1 };
  }

  /** Some versions print what a call used; this one does not. */
  function takeUsage(data: JsonObject | null): void {
    usage = {
      ...usage,
      inputTokens: usage.inputTokens + countAt(data, 'inputTokens'),
      outputTokens: usage.outputTokens + countAt(data, 'outputTokens'),
      cacheReadTokens: usage.cacheReadTokens + countAt(data, 'cacheReadTokens'),
      cacheWriteTokens: usage.cacheWriteTokens + countAt(data, 'cacheWriteTokens'),
    };
  }

  function takeTool(data: JsonObject | null): void {
    const failure = objectAt(data, 'error');
    if (
      data?.['success'] !== false ||
      !REFUSED.test(`${textAt(failure, 'code')} ${textAt(failure, 'message')}`)
    )
      return;
    denials.unshift(`${oneLine(textAt(data, 'toolName') || textAt(data, 'toolCallId'), 80) || 'tool'}()`);
  }

  return {
    marks: MARKS,
    take(event: JsonObject): boolean {
      const type = textAt(event, 'type');
      const data = objectAt(event, 'data');
      const at = Date.parse(textAt(event, 'timestamp'));
      if (!Number.isNaN(at)) lastAt ??= at;
      if (type === 'result') result ??= event;
      else if (type === 'abort' || (type === 'assistant.idle' && flagAt(data, 'aborted'))) isAborted = true;
      else if (type === 'user.message') isPromptSeen = true;
      else if (type === 'assistant.message') takeMessage(data);
      else if (type === 'assistant.usage') takeUsage(data);
      else if (type === 'tool.execution_complete') takeTool(data);
      else if (type === 'session.error' && !hasAnswered) error ??= event;
      else if (type === 'model.call_failure' && !hasAnswered) call ??= event;
      return KNOWN.test(type);
    },
    isEnough: () => isPromptSeen,
    report(): Omit<RunReport, 'log' | 'stderr' | 'cliVersion'> {
      const said = error === null ? null : errorOf(error, call);
      return {
        outcome: outcomeOf(result, error, isAborted),
        // A log cut off at its beginning may have lost the answer; one that shows the prompt has not.
        isEmpty: answer === null ? isPromptSeen : answer.trim() === '',
        error: said ?? (call === null ? null : errorOf(call, null)),
        answer: answer ?? '',
        sessionId: textAt(result, 'sessionId') || null,
        usage,
        realAnswer: hasAnswered || usage.outputTokens > 0,
        denials,
        lastAt,
      };
    },
  };
}

/** `exitCode` of the result is the CLI's own claim; an error that no answer followed is stronger. */
function outcomeOf(
  result: JsonObject | null,
  error: JsonObject | null,
  isAborted: boolean,
): RunReport['outcome'] {
  if (isAborted) return 'aborted';
  if (error !== null) return 'failed';
  if (result === null) return null;
  return (amountAt(result, 'exitCode') ?? 0) === 0 ? 'good' : 'failed';
}

/** The session's error in words, and of the last call the API's own name for it. */
function errorOf(event: JsonObject, call: JsonObject | null): ErrorSaid {
  const data = objectAt(event, 'data');
  const ofCall = objectAt(call, 'data') ?? data;
  const body = errorInBody(textAt(ofCall, 'errorMessage'));
  const at = Date.parse(textAt(event, 'timestamp'));
  return {
    ...NOTHING_SAID,
    status: amountAt(data, 'statusCode') ?? amountAt(ofCall, 'statusCode'),
    type: textAt(ofCall, 'errorType') || textAt(body, 'type'),
    code: textAt(data, 'errorCode') || textAt(data, 'errorType'),
    text: textAt(data, 'message') || textAt(body, 'message') || textAt(data, 'errorMessage'),
    at: Number.isNaN(at) ? null : at,
    event,
  };
}

function startIn(head: string): { sessionId: string | null; cliVersion: string | null } {
  const events = head.split('\n', 64).flatMap(parseJsonLine);
  const started = objectAt(
    events.find((event) => textAt(event, 'type') === 'session.start'),
    'data',
  );
  return {
    sessionId: textAt(started, 'sessionId') || null,
    cliVersion: textAt(started, 'copilotVersion') || null,
  };
}

function countAt(object: JsonObject | null, key: string): number {
  return Math.round(amountAt(object, key) ?? 0);
}
