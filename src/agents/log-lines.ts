import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

const BLOCK_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;

/** What a visitor wants next: every line, only those near a mark, or none. */
export type Wanted = 'all' | 'marked' | 'stop';

/**
 * Sees one line, newest first. `bytes` is null when the line is longer than the limit; it is only
 * valid during the call.
 */
export type LineVisitor = (bytes: Buffer | null, bytesFromEnd: number) => Wanted;

export interface VisitOptions {
  readonly maxLineBytes: number;
  /** While only `marked` lines are wanted, blocks that hold none of these are passed over unread. */
  readonly marks: readonly Buffer[];
}

/**
 * Walks a file's lines from the end to the start in constant memory, so that a gigabyte costs time
 * and nothing else. A line that holds a mark is never missed; others may be shown as well. What is
 * appended meanwhile is not seen. Answers false when there is no such file (nothing there, not a regular
 * file, or not ours to read).
 */
export async function visitLinesBackwards(
  path: string,
  options: VisitOptions,
  visit: LineVisitor,
): Promise<boolean> {
  await using log = await openRegularFile(path);
  if (log === null) return false;
  const { size } = await log.file.stat();
  const buffer = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, Math.max(size, 1)));
  const carry = createCarry(options.maxLineBytes);
  let wanted: Wanted = 'all';
  let position = size;
  while (position > 0) {
    const block = buffer.subarray(0, Math.min(buffer.length, position));
    position -= block.length;
    await readFully(log.file, block, position);
    const isMarked = wanted === 'all' || options.marks.some((mark) => block.includes(mark));
    let end = block.length;
    while (end > 0) {
      const newline = block.lastIndexOf(NEWLINE, end - 1);
      if (newline < 0) break;
      wanted = visit(carry.finish(block.subarray(newline + 1, end)), size - position - newline - 1);
      if (wanted === 'stop') return true;
      // Only the first line of the block may go on in the one before it.
      end = isMarked ? newline : block.indexOf(NEWLINE);
      if (!isMarked) break;
    }
    carry.keep(block.subarray(0, end));
  }
  visit(carry.finish(Buffer.alloc(0)), size);
  return true;
}

/** The first bytes of a file; null when there is no such file. */
export async function readHead(path: string, maxBytes: number): Promise<Buffer | null> {
  await using log = await openRegularFile(path);
  if (log === null) return null;
  const { size } = await log.file.stat();
  return await readFully(log.file, Buffer.alloc(Math.min(size, maxBytes)), 0);
}

/** The last bytes of a file; null when there is no such file. */
export async function readTail(path: string, maxBytes: number): Promise<Buffer | null> {
  await using log = await openRegularFile(path);
  if (log === null) return null;
  const { size } = await log.file.stat();
  const length = Math.min(size, maxBytes);
  return await readFully(log.file, Buffer.alloc(length), size - length);
}

/** Collects the pieces of a line that spans blocks, and lets go of them once the line is too long. */
function createCarry(maxLineBytes: number) {
  let pieces: Buffer[] = [];
  let bytes = 0;
  let tooLong = false;
  function take(piece: Buffer): void {
    bytes += piece.length;
    if (bytes > maxLineBytes) {
      tooLong = true;
      pieces = [];
    }
  }
  return {
    keep(piece: Buffer): void {
      take(piece);
      if (!tooLong && piece.length > 0) pieces.unshift(Buffer.from(piece));
    },
    finish(piece: Buffer): Buffer | null {
      take(piece);
      const line = tooLong ? null : pieces.length === 0 ? piece : Buffer.concat([piece, ...pieces]);
      pieces = [];
      bytes = 0;
      tooLong = false;
      return line;
    },
  };
}

/** Non-blocking, so that a pipe left in a log's place cannot hang us. Any failure means "no such file". */
async function openRegularFile(path: string): Promise<({ file: FileHandle } & AsyncDisposable) | null> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    // Missing, forbidden, or no path at all: for a reader of logs these are the same.
    return null;
  }
  const log = { file, [Symbol.asyncDispose]: () => file.close() };
  const isFile = (await file.stat()).isFile();
  if (!isFile) await file.close();
  return isFile ? log : null;
}

async function readFully(file: FileHandle, into: Buffer, position: number): Promise<Buffer> {
  let filled = 0;
  while (filled < into.length) {
    // A file that shrank under us, or a disk that fails: the rest reads as nothing.
    const rest = into.length - filled;
    const { bytesRead } = await file
      .read(into, filled, rest, position + filled)
      .catch(() => ({ bytesRead: 0 }));
    if (bytesRead === 0) return into.fill(0, filled);
    filled += bytesRead;
  }
  return into;
}
