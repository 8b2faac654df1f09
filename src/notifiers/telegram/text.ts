/** Telegram's limit, in UTF-16 units. It counts after parsing; we stay below it with the mark-up too. */
export const MAX_UNITS = 4096;
const CUT = '…';
/** Less room than this is not worth a beginning. */
const LEAST = 20;

/** Text that Telegram shows as it is, whatever it holds. */
function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** What no chat can show, and what would hide or turn around what is beside it. */
export function printable(text: string): string {
  return text
    .toWellFormed()
    .replace(/\r\n?/g, '\n')
    .replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (char) =>
      char === '\n' || char === '\t' ? char : '',
    );
}

export interface Rich {
  readonly title: string;
  readonly detail: string;
  /** Shown in a fixed width, such as the end of a log. */
  readonly code?: string;
}

/** One message, cut where it would be too long. */
export function oneMessage(icon: string, rich: Rich, footer = ''): string {
  const head = icon === '' ? '' : `${icon} `;
  const foot = footer === '' ? '' : `\n<i>${escapeHtml(footer)}</i>`;
  const title = `${head}<b>${cut(rich.title, 300)}</b>`;
  let left = MAX_UNITS - title.length - foot.length;
  const detail = rich.detail === '' ? '' : `\n${cut(rich.detail, left - 1)}`;
  left -= detail.length;
  const room = left - '\n<pre></pre>'.length;
  const code = (rich.code ?? '') === '' || room < LEAST ? '' : `\n<pre>${cut(rich.code ?? '', room)}</pre>`;
  return `${title}${detail}${code}${foot}`;
}

/** As many messages as it takes: cut at line ends, each whole in itself. */
export function messages(rich: Rich): string[] {
  const first = oneMessage('', { title: rich.title, detail: '' });
  const parts: string[] = [];
  let now = first;
  const add = (text: string) => {
    if (now.length + text.length > MAX_UNITS) {
      parts.push(now);
      now = text.replace(/^\n/, '');
    } else now += text;
  };
  for (const line of pieces(rich.detail, MAX_UNITS - 1)) add(`\n${line}`);
  const frame = '<pre></pre>'.length + 1;
  let block: string[] = [];
  const close = () => {
    if (block.length > 0) add(`\n<pre>${block.join('\n')}</pre>`);
    block = [];
  };
  for (const line of pieces(rich.code ?? '', MAX_UNITS - frame)) {
    if (block.join('\n').length + line.length + 1 > MAX_UNITS - frame) close();
    block.push(line);
  }
  close();
  return [...parts, now];
}

/** Escaped lines, each within a limit; nothing for an empty text. */
function pieces(text: string, max: number): string[] {
  if (text === '') return [];
  return printable(text)
    .split('\n')
    .flatMap((line) => {
      const found: string[] = [];
      let piece = '';
      // By characters, so that neither a surrogate pair nor an entity is cut in two.
      for (const char of line) {
        const next = escapeHtml(char);
        if (piece.length + next.length > max) {
          found.push(piece);
          piece = '';
        }
        piece += next;
      }
      return [...found, piece];
    });
}

/** Escaped, and within a limit of units. */
function cut(text: string, max: number): string {
  const whole = escapeHtml(printable(text));
  if (whole.length <= max) return whole;
  let kept = '';
  for (const char of printable(text)) {
    const next = escapeHtml(char);
    if (kept.length + next.length > max - CUT.length) break;
    kept += next;
  }
  return kept + CUT;
}

/** The same without mark-up, for when Telegram cannot read it. */
export function plainOf(html: string): string {
  return html
    .replace(/<\/?[a-z]+>/g, '')
    .replaceAll('&quot;', '"')
    .replaceAll('&gt;', '>')
    .replaceAll('&lt;', '<')
    .replaceAll('&amp;', '&');
}
