export type JsonObject = Readonly<Record<string, unknown>>;

/** Objects that never close are given up after this many, so that hostile text cannot cost quadratic time. */
const MAX_UNCLOSED = 16;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Objects of one line of JSON Lines; a line may also hold an array of them. Empty when it is not JSON. */
export function parseJsonLine(line: string): JsonObject[] {
  const text = trimLine(line);
  const first = text[0];
  if (first === undefined) return [];
  if (first === '{' || first === '[') {
    const whole = parse(text) ?? parse(text.replaceAll('\0', ''));
    if (whole !== undefined) return objectsOf(whole);
    return [...documentsIn(text)].flatMap(objectsOf);
  }
  // Words before the object: only a document that ends with the line is top level. A fragment of a
  // longer line would be followed by the closing brackets of what it was nested in.
  const start = text.indexOf('{');
  return start < 0 ? [] : objectsOf(parse(text.slice(start)));
}

/** Objects of a text that spreads JSON over several lines; each must begin in the first column. */
export function parseSpreadJson(text: string): JsonObject[] {
  const found: JsonObject[] = [];
  let unclosed = 0;
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  while (at < text.length && unclosed < MAX_UNCLOSED) {
    if (text[at] === '{' || text[at] === '[') {
      const end = closingBracket(text, at);
      if (end < 0) unclosed += 1;
      else {
        found.push(...objectsOf(parse(text.slice(at, end + 1))));
        at = end;
      }
    }
    const newline = text.indexOf('\n', at);
    if (newline < 0) break;
    at = newline + 1;
  }
  return found;
}

/** Whether a trimmed line looks like a piece of JSON rather than words, cut at its end or its beginning. */
export function looksLikeJson(line: string): boolean {
  return (
    /^(?:\{\s*(?:["}]|$)|\[\s*(?:[{\]]|$)|[\]}]|"[^"]*"\s*:)/.test(line.slice(0, 200)) ||
    /["\]}\d]\s*[}\]]$/.test(line.slice(-20))
  );
}

/** Whitespace, byte order mark and NUL bytes off both ends. By hand: a regex is quadratic on long blanks. */
export function trimLine(line: string): string {
  let start = 0;
  let end = line.length;
  while (start < end && isBlank(line.charCodeAt(start))) start += 1;
  while (end > start && isBlank(line.charCodeAt(end - 1))) end -= 1;
  return line.slice(start, end);
}

function* documentsIn(text: string): Generator<unknown> {
  let at = 0;
  while (text[at] === '{' || text[at] === '[') {
    const end = closingBracket(text, at);
    if (end < 0) return;
    yield parse(text.slice(at, end + 1));
    at = end + 1;
    while (isBlank(text.charCodeAt(at))) at += 1;
  }
}

/** Index of the bracket that closes the one at `start`, strings respected; -1 when the text ends first. */
function closingBracket(text: string, start: number): number {
  let depth = 0;
  let inString = false;
  for (let at = start; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (inString) {
      if (char === 0x5c) at += 1;
      else if (char === 0x22) inString = false;
    } else if (char === 0x22) inString = true;
    else if (char === 0x7b || char === 0x5b) depth += 1;
    else if (char === 0x7d || char === 0x5d) {
      depth -= 1;
      if (depth === 0) return at;
    }
  }
  return -1;
}

function objectsOf(value: unknown): JsonObject[] {
  return (Array.isArray(value) ? value : [value]).filter(isJsonObject);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: the callers' ordinary case.
    return undefined;
  }
}

function isBlank(char: number): boolean {
  return char <= 0x20 || char === 0xfeff || char === 0xa0;
}
