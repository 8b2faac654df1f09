import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

const BLOCK_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;

/**
 * Sees one line, newest first. `bytes` is null when the line is longer than the limit; it is only
 * valid during the call. Answer false to stop.
 */
export type LineVisitor = (bytes: Buffer | null, bytesFromEnd: number) => boolean;

/**
 * Walks a file's lines from the end to the start in constant memory, so that a gigabyte costs time
 * and nothing else. What is appended meanwhile is not seen. Answers false when there is no such file
 * (nothing there, not a regular file, or not ours to read).
 */
export async function visitLinesBackwards(
  path: string,
  maxLineBytes: number,
  visit: LineVisitor,
): Promise<boolean> {
  await using log = await openRegularFile(path);
  if (log === null) return false;
  const { size } = await log.file.stat();
  const block = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, Math.max(size, 1)));
  const carry = createCarry(maxLineBytes);
  let position = size;
  while (position > 0) {
    const length = Math.min(block.length, position);
    position -= length;
    await readFully(log.file, block.subarray(0, length), position);
    let end = length;
    while (end > 0) {
      const newline = block.lastIndexOf(NEWLINE, end - 1);
      if (newline < 0) break;
      if (!visit(carry.finish(block.subarray(newline + 1, end)), size - position - newline - 1)) return true;
      end = newline;
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
  return readFully(log.file, Buffer.alloc(Math.min(size, maxBytes)), 0);
}

/** The last bytes of a file; null when there is no such file. */
export async function readTail(path: string, maxBytes: number): Promise<Buffer | null> {
  await using log = await openRegularFile(path);
  if (log === null) return null;
  const { size } = await log.file.stat();
  const length = Math.min(size, maxBytes);
  return readFully(log.file, Buffer.alloc(length), size - length);
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
    const { bytesRead } = await file.read(into, filled, into.length - filled, position + filled);
    // The file shrank under us: the rest reads as nothing.
    if (bytesRead === 0) return into.fill(0, filled);
    filled += bytesRead;
  }
  return into;
}
