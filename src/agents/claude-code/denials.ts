import { listAt, objectAt, textAt } from '../fields.ts';
import { isJsonObject, type JsonObject } from '../json-documents.ts';
import { oneLine } from '../one-line.ts';

const MAX_DENIALS = 50;
const MAX_INPUT_CHARS = 80;
const TELLING_INPUTS = ['command', 'file_path', 'path', 'notebook_path', 'url', 'query', 'pattern'];

/** The tools that a result says were refused, as `Tool(first words of its input)`; each once. */
export function denialsOf(result: JsonObject | null): string[] {
  const denials = listAt(result, 'permission_denials').filter(isJsonObject).map(denialOf);
  return [...new Set(denials)].slice(0, MAX_DENIALS);
}

function denialOf(denial: JsonObject): string {
  const input = objectAt(denial, 'tool_input') ?? {};
  const key =
    TELLING_INPUTS.find((candidate) => textAt(input, candidate) !== '') ?? Object.keys(input)[0] ?? '';
  const words = oneLine(textAt(input, key), MAX_INPUT_CHARS);
  return `${oneLine(textAt(denial, 'tool_name'), MAX_INPUT_CHARS) || 'unknown tool'}(${words})`;
}
