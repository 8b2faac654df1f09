/** Begins every marker of ours. */
const BEGIN = '<!-- orch:';
const MARKER = /\n*<!-- orch:[^\n]*? -->\s*$/;

/** A text with a last line that names it, and that no page shows: how it is found again after an unknown outcome. */
export function marked(body: string, key: string): string {
  return `${body.trimEnd()}\n\n${lineOf(key)}`;
}

/** Whether this text is the one that was written under that key. */
export function hasMarker(body: string, key: string): boolean {
  return body.trimEnd().endsWith(lineOf(key));
}

/** The text as its author meant it. */
export function withoutMarker(body: string): string {
  return body.replace(MARKER, '').trimEnd();
}

/** A comment in HTML ends at the first `--`. */
function lineOf(key: string): string {
  return `${BEGIN}${key.replaceAll(/[^\w:./#@-]|--+/g, (text) => Array.from(text, escaped).join(''))} -->`;
}

function escaped(character: string): string {
  return `%${(character.codePointAt(0) ?? 0).toString(16)}`;
}
