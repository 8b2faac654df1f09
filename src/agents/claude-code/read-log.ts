import { objectAt, textAt } from '../fields.ts';
import {
  isJsonObject,
  type JsonObject,
  looksLikeJson,
  parseJsonLine,
  parseSpreadJson,
  trimLine,
} from '../json-documents.ts';
import { readHead, readTail, visitLinesBackwards } from '../log-lines.ts';
import { isSynthetic, wordsOfTurn } from './event-fields.ts';
import { createSpending, type Spending } from './spending.ts';

/** A longer line is passed over; the result line of a run is far below it. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;
/** How far before the result (or the end) every line is looked at; beyond it only lines that matter are. */
const CLOSE_BYTES = 4 * 1024 * 1024;
const HEAD_BYTES = 256 * 1024;
/** Words outside JSON lines that may decide a verdict: the last 4 KiB. */
const PLAIN_CHARS = 4096;
const MAX_RATE_LIMITS = 64;

/** Far from the result only lines with one of these matter. */
const MARKS = ['"result"', '"usage"', '"rate_limit_event"'].map((mark) => Buffer.from(mark));

/** Types of lines that were recorded or are documented. */
const KNOWN_TYPES =
  /^(?:system|assistant|user|result|error|rate_limit_event|stream_event|control_\w+|tool_\w+|auth_status|keep_alive|prompt_suggestion)$/;

/** What a stdout log holds, whatever its length: newest first where there may be many. */
export interface LogFacts {
  readonly blank: boolean;
  /** The last top-level result. */
  readonly result: JsonObject | null;
  /** The newest assistant line of the main conversation. */
  readonly lastTurn: JsonObject | null;
  /** The newest retry notice, if the run never got past it. */
  readonly lastRetry: JsonObject | null;
  /** A top-level `type: error` line. */
  readonly apiError: JsonObject | null;
  readonly rateLimits: readonly JsonObject[];
  readonly init: JsonObject | null;
  readonly sessionId: string | null;
  /** Newest timestamp of the log, epoch milliseconds. */
  readonly lastAt: number | null;
  readonly spending: Spending;
  /** The model's last words. */
  readonly closingWords: string;
  /** The end of what is not JSON. */
  readonly plainWords: string;
  /** The newest event, when its type is none that was ever recorded. */
  readonly oddEnd: JsonObject | null;
}

/** Reads a run's stdout from its end. Null when there is no such file. Memory does not grow with the log. */
export async function readLog(path: string): Promise<LogFacts | null> {
  const log = createCollector();
  let resultFromEnd: number | null = null;
  const found = await visitLinesBackwards(
    path,
    { maxLineBytes: MAX_LINE_BYTES, marks: MARKS },
    (bytes, fromEnd) => {
      const near = fromEnd <= (resultFromEnd ?? 0) + CLOSE_BYTES;
      if (bytes === null) log.passOver();
      else if (near || MARKS.some((mark) => bytes.includes(mark))) log.takeLine(bytes.toString('utf8'));
      else log.skip(bytes);
      if (resultFromEnd === null && log.hasResult()) resultFromEnd = fromEnd;
      if (near || resultFromEnd === fromEnd) return 'all';
      return log.isEnough() ? 'stop' : 'marked';
    },
  );
  if (!found) return null;
  const head = (await readHead(path, HEAD_BYTES)) ?? Buffer.alloc(0);
  if (!log.hasResult()) await takeSpreadJson(path, log);
  log.takeHead(head.toString('utf8'));
  return log.facts();
}

/** A log that is one pretty-printed object or array, with words around it perhaps. */
async function takeSpreadJson(path: string, log: ReturnType<typeof createCollector>): Promise<void> {
  const tail = await readTail(path, MAX_LINE_BYTES);
  const events = tail === null ? [] : parseSpreadJson(tail.toString('utf8'));
  if (events.some((event) => event['type'] === 'result')) log.restart(events);
}

function createCollector() {
  let blank = true;
  let result: JsonObject | null = null;
  let lastTurn: JsonObject | null = null;
  let lastRetry: JsonObject | null = null;
  let apiError: JsonObject | null = null;
  let init: JsonObject | null = null;
  let sessionId: string | null = null;
  let lastAt: number | null = null;
  let closingWords = '';
  let plainWords = '';
  let rateLimits: JsonObject[] = [];
  let spending = createSpending();
  let newest: JsonObject | null = null;

  function takeEvent(event: JsonObject): void {
    const type = textAt(event, 'type');
    if (type === '') return;
    newest ??= event;
    sessionId ??= textAt(event, 'session_id') || null;
    const at = Date.parse(textAt(event, 'timestamp'));
    if (!Number.isNaN(at)) lastAt ??= at;
    if (type === 'result') result ??= event;
    else if (type === 'error') apiError ??= event;
    else if (type === 'assistant') takeTurn(event);
    else if (type === 'rate_limit_event') takeRateLimit(event);
    else if (type === 'system') takeSystem(event);
  }

  function takeTurn(event: JsonObject): void {
    spending.add(event);
    if (textAt(event, 'parent_tool_use_id') !== '') return;
    lastTurn ??= event;
    if (closingWords === '' && !isSynthetic(event)) closingWords = wordsOfTurn(event);
  }

  function takeRateLimit(event: JsonObject): void {
    const info = objectAt(event, 'rate_limit_info');
    if (info !== null && rateLimits.length < MAX_RATE_LIMITS) rateLimits.push(info);
  }

  function takeSystem(event: JsonObject): void {
    const subtype = textAt(event, 'subtype');
    if (subtype === 'init') init ??= event;
    // Read backwards: a turn seen already means that the CLI got past this retry.
    if (subtype === 'api_retry' && lastTurn === null && result === null) lastRetry ??= event;
  }

  function takePlain(line: string): void {
    if (plainWords.length < PLAIN_CHARS)
      plainWords = `${line.slice(-PLAIN_CHARS)}\n${plainWords}`.slice(-PLAIN_CHARS);
  }

  return {
    hasResult: () => result !== null,
    /** With its own usage the result tells all that the lines before it could. */
    isEnough: () => result !== null && isJsonObject(result['usage']),
    passOver(): void {
      blank = false;
    },
    skip(bytes: Buffer): void {
      if (blank && trimLine(bytes.toString('utf8')) !== '') blank = false;
    },
    takeLine(line: string): void {
      const text = trimLine(line);
      if (text === '') return;
      blank = false;
      const events = parseJsonLine(text);
      for (const event of events.toReversed()) takeEvent(event);
      const saysMore = !text.startsWith('{') && events.every((event) => event['type'] === 'error');
      if (events.length > 0 && !saysMore) return;
      // A piece of JSON: whose words they are cannot be told, so they count for nobody.
      if (events.length === 0 && looksLikeJson(text)) return;
      if (!/^\s/.test(line)) takePlain(text);
    },
    /** Begins anew from whole objects: line by line they looked like words. */
    restart(events: readonly JsonObject[]): void {
      rateLimits = [];
      spending = createSpending();
      plainWords = '';
      for (const event of events.toReversed()) takeEvent(event);
    },
    takeHead(head: string): void {
      if (init !== null) return;
      for (const line of head.split('\n')) {
        const event = parseJsonLine(line).find((candidate) => textAt(candidate, 'subtype') === 'init');
        if (event !== undefined) {
          init = event;
          sessionId ??= textAt(event, 'session_id') || null;
          return;
        }
      }
    },
    facts(): LogFacts {
      return {
        blank,
        result,
        lastTurn,
        lastRetry,
        apiError,
        rateLimits,
        init,
        sessionId,
        lastAt,
        spending: spending.total(),
        closingWords,
        plainWords,
        oddEnd: newest === null || KNOWN_TYPES.test(textAt(newest, 'type')) ? null : newest,
      };
    },
  };
}
