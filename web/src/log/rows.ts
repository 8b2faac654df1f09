import type { LogLineWire } from '../../../src/http/contract.ts';

type Part = LogLineWire['parts'][number];

/** One row on the screen: a line of one part of a log line. */
export interface Row {
  /** Of the log line it is from: stable, and what a link to it names. */
  readonly seq: number;
  /** Unique among rows. */
  readonly key: string;
  readonly kind: Part['kind'];
  readonly text: string;
  /** A tool call: what it is called. */
  readonly tool: string | null;
  /** Key of the call whose answer this is; folded away with it. */
  readonly under: string | null;
  readonly isFirst: boolean;
  /** When the log line came; null where nobody knows. */
  readonly at: string | null;
}

const ANSWERS: ReadonlySet<Part['kind']> = new Set(['result', 'error']);

/** Cuts log lines into rows. `under` is the call that answers at the start belong to. */
export function rowsOf(
  lines: readonly LogLineWire[],
  under: string | null,
): { rows: Row[]; under: string | null } {
  const rows: Row[] = [];
  let call = under;
  for (const { seq, at, parts, whole } of lines) {
    for (const [i, part] of parts.entries()) {
      const isAnswer = ANSWERS.has(part.kind);
      if (part.kind === 'tool') call = `${seq}.${i}.0`;
      else if (!isAnswer) call = null;
      const texts = part.text.split('\n');
      for (const [j, text] of texts.entries())
        rows.push({
          seq,
          key: `${seq}.${i}.${j}`,
          kind: part.kind,
          text: !whole && i === parts.length - 1 && j === texts.length - 1 ? `${text} …` : text,
          tool: part.kind === 'tool' && j === 0 ? (part.tool ?? '') : null,
          under: isAnswer ? call : null,
          isFirst: j === 0,
          at,
        });
    }
  }
  return { rows, under: call };
}
