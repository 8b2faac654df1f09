import type { AgentTurn } from '../agent.ts';
import { objectAt, textAt } from '../fields.ts';
import { isJsonObject } from '../json-documents.ts';
import { isSynthetic } from './event-fields.ts';
import { usageOf } from './spending.ts';

/**
 * The message that an event of `--output-format stream-json` is a part of; see `AgentReader.turn`. Its output is
 * counted by the CLI when a message begins, so that only its input can be told.
 */
export function turn(line: string): AgentTurn | null {
  if (!line.startsWith('{') || !line.includes('"assistant"') || !line.includes('"usage"')) return null;
  try {
    const event: unknown = JSON.parse(line);
    if (!isJsonObject(event) || textAt(event, 'type') !== 'assistant' || isSynthetic(event)) return null;
    const message = objectAt(event, 'message');
    const usage = objectAt(message, 'usage');
    const id = textAt(message, 'id');
    if (usage === null || id === '') return null;
    const { inputTokens, cacheWriteTokens } = usageOf(usage);
    return { id, newInputTokens: inputTokens + cacheWriteTokens };
  } catch {
    return null; // cut, or not an event
  }
}
