import { NO_USAGE, type Usage } from '../../core/usage.ts';
import { type ErrorSaid, errorInBody, NOTHING_SAID } from '../api-error.ts';
import { readEventLog } from '../event-log.ts';
import { amountAt, objectAt, textAt } from '../fields.ts';
import { type JsonObject, parseJsonLine } from '../json-documents.ts';
import { readHead } from '../log-lines.ts';
import { oneLine } from '../one-line.ts';
import type { RunReport } from '../run-report.ts';

const HEAD_BYTES = 64 * 1024;
const MAX_COMMAND_CHARS = 80;
const MARKS = ['"turn.', '"thread.', '"error"'];

/** The CLI goes on after such a notice; without a network it says nothing else, for ever. */
const RETRYING = /^(?:reconnecting|retrying)\b/i;

/** The only place where a status is: the CLI's own sentences about it. */
const STATUS =
  /\b(?:unexpected|last) status:? (\d{3})\b|\(status (\d{3})\b|\bHTTP status (?:client|server) error \((\d{3})\b/i;

/** Reads stdout from its end; null when there is none. Stderr is given as its end. */
export async function readRun(path: string, stderr: string): Promise<RunReport | null> {
  const reader = createReader();
  const log = await readEventLog(path, reader);
  if (log === null) return null;
  const head = (await readHead(path, HEAD_BYTES)) ?? Buffer.alloc(0);
  return { ...reader.report(head.toString('utf8')), log, stderr };
}

function createReader() {
  let end: JsonObject | null = null;
  let fatal: JsonObject | null = null;
  let retry: JsonObject | null = null;
  let answer: string | null = null;
  let sessionId: string | null = null;
  // Read backwards: what lies before the newest turn is history.
  let isTurnSeen = false;
  let hasWorked = false;
  const denials: string[] = [];

  function takeError(event: JsonObject): void {
    if (textAt(end, 'type') === 'turn.completed') return;
    const isNotice = RETRYING.test(textAt(event, 'message'));
    if (isNotice && !hasWorked) retry ??= event;
    // Work after an error means that it was none of the turn.
    if (!isNotice && !hasWorked) fatal ??= event;
  }

  function takeItem(event: JsonObject): void {
    hasWorked = true;
    const item = objectAt(event, 'item');
    if (textAt(event, 'type') === 'item.completed' && textAt(item, 'type') === 'agent_message')
      answer ??= textAt(item, 'text');
    if (textAt(item, 'status') === 'declined')
      denials.push(`command(${oneLine(textAt(item, 'command'), MAX_COMMAND_CHARS)})`);
  }

  return {
    marks: MARKS,
    take(event: JsonObject): boolean {
      const type = textAt(event, 'type');
      if (type === 'thread.started') sessionId ??= textAt(event, 'thread_id') || null;
      else if (isTurnSeen) return true;
      else if (type === 'turn.completed' || type === 'turn.failed') end ??= event;
      else if (type === 'turn.started') isTurnSeen = true;
      else if (type === 'error') takeError(event);
      else if (type.startsWith('item.')) takeItem(event);
      return /^(?:error$|thread\.|turn\.|item\.|request_user_input$)/.test(type);
    },
    isEnough: () => isTurnSeen,
    report(head: string): Omit<RunReport, 'log' | 'stderr'> {
      const isGood = textAt(end, 'type') === 'turn.completed' && fatal === null;
      const failed =
        end !== null && !isGood ? errorOfTurn(end, fatal) : fatal === null ? null : errorOf(fatal);
      const usage = usageOf(objectAt(end, 'usage'));
      return {
        outcome: isGood ? 'good' : failed === null ? null : 'failed',
        // A log cut off at its beginning may have lost the answer; one that shows the whole turn has not.
        isEmpty: answer === null ? isTurnSeen : answer.trim() === '',
        error: failed ?? (isGood || retry === null ? null : errorOf(retry)),
        answer: answer ?? '',
        sessionId: sessionId ?? sessionIn(head),
        cliVersion: null,
        usage,
        realAnswer: usage.outputTokens > 0 || (answer ?? '') !== '',
        denials,
        lastAt: null,
      };
    },
  };
}

/** The failed turn's own error; of one without words, those of the error line before it. */
function errorOfTurn(end: JsonObject, fatal: JsonObject | null): ErrorSaid {
  const error = objectAt(end, 'error') ?? end;
  const said = textAt(error, 'message') === '' && fatal !== null ? fatal : error;
  return { ...errorOf(said), event: end };
}

function errorOf(event: JsonObject): ErrorSaid {
  const text = textAt(event, 'message') || textAt(event, 'error');
  const status = STATUS.exec(text);
  const body = errorInBody(text);
  return {
    ...NOTHING_SAID,
    status: status === null ? null : Number(status[1] ?? status[2] ?? status[3]),
    type: textAt(body, 'type') || textAt(body, 'code'),
    text,
    event,
  };
}

/** The CLI counts cached input as input. */
function usageOf(said: JsonObject | null): Usage {
  if (said === null) return NO_USAGE;
  const cached = countAt(said, 'cached_input_tokens');
  return {
    ...NO_USAGE,
    inputTokens: Math.max(0, countAt(said, 'input_tokens') - cached),
    outputTokens: countAt(said, 'output_tokens'),
    cacheReadTokens: cached,
    cacheWriteTokens: countAt(said, 'cache_write_input_tokens'),
    turns: 1,
  };
}

function countAt(said: JsonObject, key: string): number {
  return Math.round(amountAt(said, key) ?? 0);
}

function sessionIn(head: string): string | null {
  const started = head
    .split('\n', 64)
    .flatMap(parseJsonLine)
    .find((event) => textAt(event, 'type') === 'thread.started');
  return textAt(started, 'thread_id') || null;
}
