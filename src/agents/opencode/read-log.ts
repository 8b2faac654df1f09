import { NO_USAGE, type Usage } from '../../core/usage.ts';
import { readEventLog } from '../event-log.ts';
import { amountAt, objectAt, textAt } from '../fields.ts';
import type { JsonObject } from '../json-documents.ts';
import { oneLine } from '../one-line.ts';
import { epochMsOf } from '../reset-time.ts';
import type { RunReport } from '../run-report.ts';
import { errorOf } from './error-event.ts';

const MAX_INPUT_CHARS = 80;
/** Each step says what it used, and nothing says the sum: all of them are read. */
const MARKS = ['"step_finish"', '"error"'];

/** What the CLI answers a tool for the person who is not there, and for a rule of its configuration. */
const REFUSED = /rejected permission|specified a rule which prevents/i;
const ABORTED = /^(?:MessageAbortedError|AbortError)$/;

/** Reads stdout from its end; null when there is none. Stderr is given as its end. */
export async function readRun(path: string, stderr: string): Promise<RunReport | null> {
  const reader = createReader();
  const log = await readEventLog(path, reader);
  return log === null ? null : { ...reader.report(), log, stderr };
}

function createReader() {
  /** The newest event that says how the run stands: an error, or where a step began or finished. */
  let last: JsonObject | null = null;
  let error: JsonObject | null = null;
  let answer: string | null = null;
  let wordsOfLast = '';
  let isLastWhole = false;
  let sessionId: string | null = null;
  let lastAt: number | null = null;
  let usage: Usage = NO_USAGE;
  const denials: string[] = [];

  function takeStep(event: JsonObject): void {
    const part = objectAt(event, 'part');
    const tokens = objectAt(part, 'tokens');
    const cache = objectAt(tokens, 'cache');
    const costUsd = amountAt(part, 'cost');
    usage = {
      inputTokens: usage.inputTokens + countAt(tokens, 'input'),
      outputTokens: usage.outputTokens + countAt(tokens, 'output') + countAt(tokens, 'reasoning'),
      cacheReadTokens: usage.cacheReadTokens + countAt(cache, 'read'),
      cacheWriteTokens: usage.cacheWriteTokens + countAt(cache, 'write'),
      turns: usage.turns + 1,
      costUsd: costUsd === null ? usage.costUsd : inMicros((usage.costUsd ?? 0) + costUsd),
    };
  }

  function takeText(event: JsonObject): void {
    const text = textAt(objectAt(event, 'part'), 'text');
    answer ??= text;
    if (messageOf(event) === messageOf(last)) wordsOfLast = `${text}${wordsOfLast}`;
  }

  function takeTool(event: JsonObject): void {
    const part = objectAt(event, 'part');
    const state = objectAt(part, 'state');
    if (textAt(state, 'status') !== 'error' || !REFUSED.test(textAt(state, 'error'))) return;
    const input = Object.values(objectAt(state, 'input') ?? {}).find((value) => typeof value === 'string');
    denials.unshift(`${oneLine(textAt(part, 'tool')) || 'tool'}(${oneLine(input ?? '', MAX_INPUT_CHARS)})`);
  }

  return {
    marks: MARKS,
    take(event: JsonObject): boolean {
      const type = textAt(event, 'type');
      sessionId ??= textAt(event, 'sessionID') || null;
      lastAt ??= epochMsOf(event['timestamp']);
      if (type === 'step_finish') takeStep(event);
      if (type === 'error') error ??= event;
      if (['step_finish', 'step_start', 'tool_use', 'error'].includes(type)) last ??= event;
      if (type === 'text') takeText(event);
      if (type === 'tool_use') takeTool(event);
      if (type === 'step_start' && messageOf(event) === messageOf(last)) isLastWhole = true;
      return /^(?:step_start|step_finish|text|tool_use|reasoning|error)$/.test(type);
    },
    isEnough: () => false,
    report(): Omit<RunReport, 'log' | 'stderr'> {
      return {
        outcome: outcomeOf(last),
        // A log cut off at its beginning may have lost the words; one that shows the whole step has not.
        isEmpty: isLastWhole && wordsOfLast.trim() === '',
        error: error === null ? stopOf(last) : errorOf(error),
        answer: answer ?? '',
        sessionId,
        cliVersion: null,
        usage,
        realAnswer: usage.outputTokens > 0 || (answer ?? '') !== '',
        denials,
        lastAt,
      };
    },
  };
}

/** There is no final line: how the run stands is told by its last step, which a good run stops by itself. */
function outcomeOf(last: JsonObject | null): RunReport['outcome'] {
  if (last === null) return null;
  const type = textAt(last, 'type');
  if (type === 'error') return ABORTED.test(textAt(objectAt(last, 'error'), 'name')) ? 'aborted' : 'failed';
  if (type !== 'step_finish') return 'unfinished';
  const reason = textAt(objectAt(last, 'part'), 'reason');
  if (reason === 'stop') return 'good';
  return ['length', 'content-filter', 'error'].includes(reason) ? 'failed' : 'unfinished';
}

/** A step that the model could not finish, as an error of that name. */
function stopOf(last: JsonObject | null): RunReport['error'] {
  const reason = textAt(objectAt(last, 'part'), 'reason');
  if (last === null || !['length', 'content-filter', 'error'].includes(reason)) return null;
  return { ...errorOf(last), code: `step:${reason}`, text: `the last step ended with "${reason}"` };
}

function messageOf(event: JsonObject | null): string {
  return textAt(objectAt(event, 'part'), 'messageID');
}

function countAt(object: JsonObject | null, key: string): number {
  return Math.round(amountAt(object, key) ?? 0);
}

/** Sums of thousands of prices drift. */
function inMicros(usd: number): number {
  return Math.round(usd * 1e6) / 1e6;
}
