import type { FinishedRun } from './agent.ts';
import { type JsonObject, looksLikeJson, parseJsonLine, trimLine } from './json-documents.ts';
import { readTail, visitLinesBackwards } from './log-lines.ts';

/** A longer line is passed over; the closing lines of a run are far below it. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;
/** How far before the end every line is looked at; beyond it only marked ones are. */
const CLOSE_BYTES = 4 * 1024 * 1024;
/** Words outside JSON lines that may decide a verdict: the last 4 KiB. */
const PLAIN_CHARS = 4096;
const STDERR_BYTES = 4096;

/** What an adapter makes of the events, newest first. */
export interface EventReader {
  /** Far from the end only lines with one of these are shown. */
  readonly marks: readonly string[];
  /** Sees one event; answers whether it is of a known type. */
  take(event: JsonObject): boolean;
  /** True once nothing older can matter. */
  isEnough(): boolean;
}

/** What a log holds beside the events that its reader took. */
export interface LogText {
  readonly blank: boolean;
  /** The end of what is not JSON. */
  readonly plainWords: string;
  /** The newest event, when its type is none that the reader knows. */
  readonly oddEnd: JsonObject | null;
}

/** Shows a run's events to a reader from the end. Null when there is no such file. Memory does not grow with the log. */
export async function readEventLog(path: string, reader: EventReader): Promise<LogText | null> {
  const marks = reader.marks.map((mark) => Buffer.from(mark));
  let blank = true;
  let plainWords = '';
  let newest: JsonObject | null = null;
  let oddEnd: JsonObject | null = null;

  function takeLine(line: string): void {
    const text = trimLine(line);
    if (text === '') return;
    blank = false;
    const events = parseJsonLine(text);
    for (const event of events.toReversed()) {
      const isKnown = reader.take(event);
      if (newest === null && !isKnown && typeof event['type'] === 'string') oddEnd = event;
      if (isKnown || oddEnd !== null) newest ??= event;
    }
    // A piece of JSON: whose words they are cannot be told, so they count for nobody.
    if (events.length > 0 || looksLikeJson(text) || /^\s/.test(line)) return;
    if (plainWords.length < PLAIN_CHARS)
      plainWords = `${text.slice(-PLAIN_CHARS)}\n${plainWords}`.slice(-PLAIN_CHARS);
  }

  const found = await visitLinesBackwards(path, { maxLineBytes: MAX_LINE_BYTES, marks }, (bytes, fromEnd) => {
    const isNear = fromEnd <= CLOSE_BYTES;
    if (bytes === null) blank = false;
    else if (isNear || marks.some((mark) => bytes.includes(mark))) takeLine(bytes.toString('utf8'));
    else if (blank) blank = trimLine(bytes.toString('utf8')) === '';
    if (reader.isEnough()) return 'stop';
    return isNear ? 'all' : 'marked';
  });
  return found ? { blank, plainWords, oddEnd } : null;
}

/** The end of a run's stderr, without the colours of a terminal; empty when there is none. */
export async function readStderr({ stderrPath }: FinishedRun, maxBytes = STDERR_BYTES): Promise<string> {
  const tail = stderrPath === null ? null : await readTail(stderrPath, maxBytes);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences are what is taken out.
  return (tail?.toString('utf8') ?? '').replace(/\u001b\[[\d;]*m/g, '');
}
