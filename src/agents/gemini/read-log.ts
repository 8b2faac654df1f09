import { NO_USAGE, type Usage } from '../../core/usage.ts';
import type { FinishedRun } from '../agent.ts';
import type { ErrorSaid } from '../api-error.ts';
import { type EventReader, readEventLog } from '../event-log.ts';
import { amountAt, objectAt, textAt } from '../fields.ts';
import { isJsonObject, type JsonObject, parseJsonLine, parseSpreadJson } from '../json-documents.ts';
import { readHead, readTail } from '../log-lines.ts';
import { oneLine } from '../one-line.ts';
import type { RunReport } from '../run-report.ts';
import { errorOf, errorOfExit } from './errors.ts';

const HEAD_BYTES = 64 * 1024;
/** A result printed over many lines is read whole up to this. */
const SPREAD_BYTES = 16 * 1024 * 1024;
const MARKS = ['"result"', '"init"'];
const REFUSED = /denied by policy|not found in registry|requires? (?:user )?(?:confirmation|approval)/i;

/**
 * Reads both streams from their ends; null when there is no stdout. A `json` run prints its result over
 * many lines of stdout and its error at the end of stderr; a `stream-json` run ends with a result line.
 */
export async function readRun(run: FinishedRun, stderr: string): Promise<RunReport | null> {
  const reader = createReader();
  const log = await readEventLog(run.stdoutPath, reader);
  if (log === null) return null;
  const streamed = reader.result();
  const whole = streamed === null ? await wholeResult(run.stdoutPath) : null;
  const head = (await readHead(run.stdoutPath, HEAD_BYTES)) ?? Buffer.alloc(0);
  const told = parseSpreadJson(stderr).findLast((each) => isJsonObject(each['error'])) ?? null;
  const result = streamed ?? whole;
  const outcome = outcomeOf(result, told);
  const failed =
    outcome === 'failed' ? (objectAt(result, 'error') === null ? (told ?? result) : result) : null;
  const exited = errorOfExit(run.end.exitCode, stderr);
  const usage = usageOf(objectAt(result, 'stats'));
  const answer = reader.answer() ?? textAt(result, 'response');
  return {
    log: whole === null ? log : { ...log, plainWords: '', oddEnd: null },
    stderr,
    outcome,
    isEmpty: isEmpty(result, reader),
    error: failed === null ? exited : filledUp(errorOf(failed, stderr), exited),
    answer,
    sessionId: textAt(result, 'session_id') || textAt(told, 'session_id') || sessionIn(head.toString('utf8')),
    cliVersion: null,
    usage,
    realAnswer: usage.outputTokens > 0 || answer !== '',
    denials: reader.denials(),
    lastAt: reader.lastAt(),
  };
}

interface Reader extends EventReader {
  result(): JsonObject | null;
  /** The closing words; null when none were found. */
  answer(): string | null;
  /** The whole run was seen. */
  isWhole(): boolean;
  denials(): string[];
  lastAt(): number | null;
}

function createReader(): Reader {
  let result: JsonObject | null = null;
  let isWhole = false;
  let lastAt: number | null = null;
  let words: string | null = null;
  let isClosing = true;
  const denials: string[] = [];

  function takeMessage(event: JsonObject): void {
    const isModel = textAt(event, 'role') === 'assistant';
    // The answer comes in pieces; what lies before a tool's result is none of its closing words.
    if (isModel && isClosing) words = `${textAt(event, 'content')}${words ?? ''}`;
    if (!isModel) isClosing = false;
  }

  function takeTool(event: JsonObject): void {
    if (words !== null) isClosing = false;
    const said = textAt(objectAt(event, 'error'), 'message') || textAt(event, 'output');
    if (textAt(event, 'status') === 'error' && REFUSED.test(said))
      denials.unshift(`${oneLine(textAt(event, 'tool_id').split('__')[0] ?? '', 80) || 'tool'}()`);
  }

  return {
    marks: MARKS,
    take(event) {
      const type = textAt(event, 'type');
      const at = Date.parse(textAt(event, 'timestamp'));
      if (!Number.isNaN(at)) lastAt ??= at;
      if (type === 'result') result ??= event;
      else if (type === 'init') isWhole = true;
      else if (type === 'message') takeMessage(event);
      else if (type === 'tool_result') takeTool(event);
      return /^(?:init|message|tool_use|tool_result|error|result)$/.test(type);
    },
    isEnough: () => isWhole,
    result: () => result,
    answer: () => words,
    isWhole: () => isWhole,
    denials: () => denials,
    lastAt: () => lastAt,
  };
}

/** The result of a `json` run: known by its response, its error or its statistics. */
async function wholeResult(path: string): Promise<JsonObject | null> {
  const tail = await readTail(path, SPREAD_BYTES);
  const found = tail === null ? [] : parseSpreadJson(tail.toString('utf8'));
  return (
    found.findLast(
      (each) =>
        !('type' in each) &&
        (typeof each['response'] === 'string' || isJsonObject(each['error']) || isJsonObject(each['stats'])),
    ) ?? null
  );
}

function outcomeOf(result: JsonObject | null, told: JsonObject | null): RunReport['outcome'] {
  if (result === null) return told === null ? null : 'failed';
  const status = textAt(result, 'status');
  if (objectAt(result, 'error') !== null || (status !== '' && status !== 'success')) return 'failed';
  return 'good';
}

/** An error that says neither a status nor a name of its own, by what the exit code tells. */
function filledUp(error: ErrorSaid, exited: ErrorSaid | null): ErrorSaid {
  if (exited === null || error.status !== null) return error;
  return { ...error, status: exited.status, code: error.code || exited.code };
}

function isEmpty(result: JsonObject | null, reader: Reader): boolean {
  if (result !== null && 'response' in result) return textAt(result, 'response').trim() === '';
  return reader.result() !== null && reader.isWhole() && (reader.answer() ?? '').trim() === '';
}

/** Both forms of the statistics: sums in a stream, tokens of each model in a `json` result. */
function usageOf(stats: JsonObject | null): Usage {
  if (stats === null) return NO_USAGE;
  const models = Object.values(objectAt(stats, 'models') ?? {}).filter(isJsonObject);
  const detailed = models.map((model) => objectAt(model, 'tokens')).filter((tokens) => tokens !== null);
  const sum = (key: string) => detailed.reduce((total, tokens) => total + countAt(tokens, key), 0);
  const requests = models.reduce(
    (total, model) => total + countAt(objectAt(model, 'api'), 'totalRequests'),
    0,
  );
  const cached = detailed.length > 0 ? sum('cached') : countAt(stats, 'cached');
  const input = detailed.length > 0 ? sum('prompt') : countAt(stats, 'input_tokens');
  return {
    ...NO_USAGE,
    inputTokens: Math.max(0, input - cached),
    outputTokens: detailed.length > 0 ? sum('candidates') + sum('thoughts') : countAt(stats, 'output_tokens'),
    cacheReadTokens: cached,
    turns: Math.max(1, requests),
  };
}

function countAt(object: JsonObject | null, key: string): number {
  return Math.round(amountAt(object, key) ?? 0);
}

function sessionIn(head: string): string | null {
  const started = head
    .split('\n', 64)
    .flatMap(parseJsonLine)
    .find((event) => textAt(event, 'type') === 'init');
  return textAt(started, 'session_id') || null;
}
