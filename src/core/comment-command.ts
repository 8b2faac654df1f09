/**
 * Commands in comments: a line that begins with `/orch`. What is quoted, shown as code or hidden is somebody
 * else's word or an example, and never obeyed.
 */
export type CommentCommand =
  | { readonly verb: 'retry'; readonly note: string | null }
  | { readonly verb: 'cancel' }
  | { readonly verb: 'approve'; readonly commit: string | null }
  | { readonly verb: 'reject'; readonly reason: string }
  | { readonly verb: 'answer'; readonly text: string }
  | { readonly verb: 'why' };

export type ReadComment =
  /** Nobody is commanded; `text` is what was said. */
  | { readonly kind: 'words'; readonly text: string }
  | { readonly kind: 'command'; readonly command: CommentCommand }
  /** A command was meant, and this one there is not. */
  | { readonly kind: 'unclear'; readonly error: string };

export const COMMANDS =
  '`/orch` and one of: `retry [NOTE]`, `cancel`, `approve [COMMIT]`, `reject REASON`, `answer TEXT`, `why`';

const MAX_LINE = 2000;

/** Reads one comment, in Markdown. Never throws. */
export function readComment(body: string): ReadComment {
  const lines = body.replaceAll('\r\n', '\n').replaceAll('\r', '\n').split('\n');
  const plain = plainLines(lines);
  const found = lines.flatMap((line, i) => (plain[i] === true && /^\/orch(?:\s|$)/.test(line) ? [i] : []));
  const [at, second] = found;
  if (at === undefined) return { kind: 'words', text: body.trim() };
  if (second !== undefined)
    return { kind: 'unclear', error: 'there is more than one command in this comment' };
  const [, verb = '', first = ''] = /^\/orch\s*(\S*)\s*(.*)$/.exec(lines[at] ?? '') ?? [];
  const rest = [first, ...lines.slice(at + 1)].join('\n').trim();
  return read(verb.toLowerCase(), first.trim(), rest);
}

function read(verb: string, argument: string, rest: string): ReadComment {
  const command = (value: CommentCommand): ReadComment => ({ kind: 'command', command: value });
  const unclear = (error: string): ReadComment => ({ kind: 'unclear', error });
  switch (verb) {
    case 'retry':
      return command({ verb, note: rest === '' ? null : rest });
    case 'cancel':
    case 'why':
      return argument === '' ? command({ verb }) : unclear(`\`${verb}\` takes nothing more`);
    case 'approve':
      if (argument === '') return command({ verb, commit: null });
      return /^[0-9a-f]{7,40}$/i.test(argument)
        ? command({ verb, commit: argument.toLowerCase() })
        : unclear('`approve` takes a commit, or nothing more');
    case 'reject':
      return rest === ''
        ? unclear('`reject` needs a reason: it goes to the agent')
        : command({ verb, reason: rest });
    case 'answer':
      return rest === '' ? unclear('`answer` needs a text') : command({ verb, text: rest });
    case '':
      return unclear('there is no command behind `/orch`');
    default:
      return unclear('that command is not known');
  }
}

/** For each line whether it is said in the writer's own words: no quote, no code, nothing hidden. */
function plainLines(lines: readonly string[]): boolean[] {
  let fence: { readonly mark: string; readonly length: number } | null = null;
  /** What ends the hidden or preformatted part that is open. */
  let until: RegExp | null = null;
  let inQuote = false;
  return lines.map((line) => {
    if (fence !== null) {
      const close = /^\s*(`{3,}|~{3,})\s*$/.exec(line)?.[1] ?? '';
      if (close.startsWith(fence.mark) && close.length >= fence.length) fence = null;
      return false;
    }
    if (until !== null) {
      if (until.test(line)) until = null;
      return false;
    }
    const open = /^\s*(?:>\s*)*(?:(?:[-*+]|\d+[.)])\s+)?(`{3,}[^`]*|~{3,}.*)$/.exec(line)?.[1];
    if (open !== undefined && !/^\s*>/.test(line)) {
      const mark = open[0] ?? '';
      fence = { mark, length: /^(`+|~+)/.exec(open)?.[0].length ?? 3 };
      return false;
    }
    if (line.trim() === '') inQuote = false;
    // A line right below a quote still belongs to it, however it begins.
    else if (/^\s{0,3}>/.test(line)) inQuote = true;
    const isPlain = !inQuote && !/^(?: {4}|\s*\t)/.test(line);
    until = openedBy(line);
    return isPlain;
  });
}

const HIDDEN: readonly { readonly open: RegExp; readonly close: RegExp }[] = [
  { open: /<!--/g, close: /-->/ },
  {
    open: /<(?:pre|code|script|style|textarea|blockquote)\b/gi,
    close: /<\/(?:pre|code|script|style|textarea|blockquote)\s*>/i,
  },
];

/** What a line opens and does not close again. */
function openedBy(line: string): RegExp | null {
  // Between backticks it is shown, not meant. Of a line that is endless all of it is taken as meant: that hides more.
  const bare = line.length > MAX_LINE ? line : line.replace(/(`+)(?:(?!\1)[^])*?\1/g, '');
  for (const { open, close } of HIDDEN) {
    const last = [...bare.matchAll(open)].at(-1);
    if (last !== undefined && !close.test(bare.slice(last.index))) return close;
  }
  return null;
}
