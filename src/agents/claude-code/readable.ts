import type { LogPart } from '../agent.ts';
import { flagAt, listAt, objectAt, textAt } from '../fields.ts';
import { isJsonObject, type JsonObject } from '../json-documents.ts';
import { oneLine } from '../one-line.ts';

const MAX_INPUT = 200;
const MAX_RESULT_LINES = 8;
const MAX_RESULT = 1000;
const MAX_SAID = 20_000;
/** What tells most of a call, for the tools that are used most. */
const TELLING = ['command', 'file_path', 'path', 'pattern', 'query', 'url', 'description', 'prompt'] as const;

/** An event of `--output-format stream-json` as a person reads it; see `AgentReader.readable`. */
export function readable(line: string): readonly LogPart[] | null {
  const event = objectOf(line);
  if (event === null) return null;
  switch (textAt(event, 'type')) {
    case 'system':
      return system(event);
    case 'assistant':
      return blocksOf(event).flatMap(said);
    case 'user':
      return blocksOf(event).flatMap(came);
    case 'result':
      return [end(event)];
    case 'rate_limit_event':
    case 'stream_event':
    case 'keep_alive':
      return [];
    default:
      return null;
  }
}

function objectOf(line: string): JsonObject | null {
  if (!line.startsWith('{')) return null;
  try {
    const value: unknown = JSON.parse(line);
    return isJsonObject(value) ? value : null;
  } catch {
    return null; // cut, or not an event
  }
}

function blocksOf(event: JsonObject): JsonObject[] {
  const message = objectAt(event, 'message');
  const text = textAt(message, 'content');
  return text === '' ? listAt(message, 'content').filter(isJsonObject) : [{ type: 'text', text }];
}

function system(event: JsonObject): LogPart[] {
  const subtype = textAt(event, 'subtype');
  if (subtype !== 'init')
    return subtype === '' ? [] : [{ kind: 'system', text: subtype.replaceAll('_', ' ') }];
  const model = textAt(event, 'model');
  return [{ kind: 'system', text: `the CLI has begun${model === '' ? '' : `, model ${model}`}` }];
}

function said(block: JsonObject): LogPart[] {
  switch (textAt(block, 'type')) {
    case 'text':
      return part('says', textAt(block, 'text'));
    case 'thinking':
      return part('thinks', textAt(block, 'thinking'));
    case 'tool_use': {
      const tool = textAt(block, 'name');
      return [{ kind: 'tool', tool, text: inputOf(objectAt(block, 'input')) }];
    }
    default:
      return [];
  }
}

function inputOf(input: JsonObject | null): string {
  if (input === null) return '';
  const telling = TELLING.map((name) => textAt(input, name)).find((text) => text !== '');
  return oneLine(telling ?? JSON.stringify(input)).slice(0, MAX_INPUT);
}

function came(block: JsonObject): LogPart[] {
  if (textAt(block, 'type') !== 'tool_result') return [];
  const own = textAt(block, 'content');
  const texts = listAt(block, 'content')
    .filter(isJsonObject)
    .map((each) => textAt(each, 'text'));
  const text = own === '' ? texts.join('\n') : own;
  const lines = text.trimEnd().split('\n');
  const shown = lines.slice(0, MAX_RESULT_LINES).join('\n').slice(0, MAX_RESULT);
  const more = lines.length > MAX_RESULT_LINES ? `\n… ${lines.length - MAX_RESULT_LINES} more lines` : '';
  return [{ kind: flagAt(block, 'is_error') ? 'error' : 'result', text: `${shown}${more}` }];
}

function end(event: JsonObject): LogPart {
  const words = textAt(event, 'result') || listAt(event, 'errors').join('; ') || textAt(event, 'subtype');
  return { kind: flagAt(event, 'is_error') ? 'error' : 'end', text: words.slice(0, MAX_SAID) };
}

function part(kind: LogPart['kind'], text: string): LogPart[] {
  return text.trim() === '' ? [] : [{ kind, text: text.slice(0, MAX_SAID) }];
}
