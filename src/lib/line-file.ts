import type { FileHandle } from 'node:fs/promises';
import { openRegular } from './regular-file.ts';

const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;
/** What is kept of a line that is longer; the rest is passed over. */
export const MAX_LINE_BYTES = 256 * 1024;
/** A page holds no more than about this, however many lines were asked for. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024;

/** A line of a file that may still grow. `at` is the offset of its first byte: its number, for ever. */
export interface FileLine {
  readonly at: number;
  /** Where the next one begins. */
  readonly next: number;
  readonly text: string;
  /** False when it is longer than what is kept of it. */
  readonly whole: boolean;
}

/** A log by lines, from anywhere, however long it is: memory is bounded by the lines asked for. */
export interface LineFile {
  readonly size: number;
  /** Lines from the offset on; one without its end is left out unless `ended`. An offset inside a line means that line's rest. */
  after(offset: number, limit: number, ended: boolean): Promise<FileLine[]>;
  /** The last lines that end at the offset or before it, in order. */
  before(offset: number, limit: number): Promise<FileLine[]>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Null when there is no such file, or what lies there is no regular file: an agent may have put it there. */
export async function openLines(path: string): Promise<LineFile | null> {
  const opened = await openRegular(path);
  if (opened === null) return null;
  const { file, size } = opened;
  return {
    size,
    after: (offset, limit, ended) =>
      linesAfter(file, Math.max(0, offset), { limit, end: size, ended, maxBytes: MAX_PAGE_BYTES }),
    async before(offset, limit) {
      const end = Math.min(offset, size);
      const from = await startOfLines(file, end, limit);
      const infinity = Number.POSITIVE_INFINITY; // the place to begin at is the bound
      return linesAfter(file, from, { limit: infinity, end, ended: true, maxBytes: infinity });
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}

async function linesAfter(
  file: FileHandle,
  offset: number,
  {
    limit,
    end,
    ended,
    maxBytes,
  }: { readonly limit: number; readonly end: number; readonly ended: boolean; readonly maxBytes: number },
): Promise<FileLine[]> {
  const lines: FileLine[] = [];
  const block = Buffer.allocUnsafe(BLOCK_BYTES);
  let kept: Buffer[] = [];
  let keptBytes = 0;
  let at = offset;
  let total = 0;
  const isFull = () => lines.length >= limit || total >= maxBytes;
  const keep = (part: Buffer) => {
    const room = MAX_LINE_BYTES - keptBytes;
    if (room > 0 && part.length > 0) kept.push(Buffer.from(part.subarray(0, room)));
    keptBytes += part.length;
  };
  const finish = (next: number) => {
    const text = Buffer.concat(kept).toString('utf8');
    lines.push({ at, next, text, whole: keptBytes <= MAX_LINE_BYTES });
    at = next;
    total += Math.min(keptBytes, MAX_LINE_BYTES);
    kept = [];
    keptBytes = 0;
  };
  for (let position = offset; position < end && !isFull(); ) {
    const { bytesRead } = await file.read(block, 0, Math.min(block.length, end - position), position);
    if (bytesRead === 0) break; // it was cut meanwhile
    let from = 0;
    while (!isFull()) {
      const newline = block.subarray(0, bytesRead).indexOf(NEWLINE, from);
      if (newline < 0) break;
      keep(block.subarray(from, newline));
      finish(position + newline + 1);
      from = newline + 1;
    }
    if (!isFull()) keep(block.subarray(from, bytesRead));
    position += bytesRead;
  }
  if (ended && !isFull() && at < end) finish(end);
  return lines;
}

/** Where the last `limit` lines that end at `end` begin. */
async function startOfLines(file: FileHandle, end: number, limit: number): Promise<number> {
  const block = Buffer.allocUnsafe(BLOCK_BYTES);
  let found = 0;
  let position = end;
  while (position > 0) {
    const length = Math.min(block.length, position);
    position -= length;
    const { bytesRead } = await file.read(block, 0, length, position);
    let at = bytesRead;
    for (;;) {
      at = at === 0 ? -1 : block.subarray(0, bytesRead).lastIndexOf(NEWLINE, at - 1);
      if (at < 0) break;
      // The newline that ends the last line begins none.
      if (position + at + 1 === end) continue;
      found += 1;
      if (found === limit || end - position - at > MAX_PAGE_BYTES) return position + at + 1;
    }
  }
  return 0;
}
