import type { AgentTurn } from '../agent.ts';
import { amountAt, objectAt, textAt } from '../fields.ts';
import { isJsonObject } from '../json-documents.ts';

/** The step that an event of `--format json` ends, with what it used; see `AgentReader.turn`. */
export function turn(line: string): AgentTurn | null {
  if (!line.startsWith('{') || !line.includes('"step_finish"')) return null;
  try {
    const event: unknown = JSON.parse(line);
    if (!isJsonObject(event) || textAt(event, 'type') !== 'step_finish') return null;
    const part = objectAt(event, 'part');
    const tokens = objectAt(part, 'tokens');
    const id = textAt(part, 'id');
    if (tokens === null || id === '') return null;
    const input = amountAt(tokens, 'input') ?? 0;
    return { id, newInputTokens: input + (amountAt(objectAt(tokens, 'cache'), 'write') ?? 0) };
  } catch {
    return null; // cut, or not an event
  }
}
