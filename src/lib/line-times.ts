import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { openRegular } from './regular-file.ts';

/**
 * When the bytes of a file that others write came to be there, noted beside it by whoever looks at it again and again.
 * A note is one line, `until from at`: all before the offset `until`, and not before the note above, came between the
 * two instants. Lines are of one length, so that a place among millions is found by a few reads.
 */
export interface Noted {
  readonly until: number;
  /** The look before, which did not see it yet. */
  readonly from: number;
  readonly at: number;
}

const DIGITS = [15, 13, 13] as const;
const NOTE_BYTES = DIGITS.reduce((sum, digits) => sum + digits + 1, 0);
const NOTE = /^(\d{15}) (\d{13}) (\d{13})\n$/;
/** Read at once; two neighbours of a page lie in the same block mostly. */
const BLOCK_NOTES = 128;
/** What a log may take in notes: beyond it, lines have no time. */
const MAX_NOTES = 200_000;
/** What came between two looks that are further apart than this came at no known time. */
const MAX_GAP_MS = 5000;

/** Adds a note; false when there are too many, or the file cannot be written. */
export async function noteTime(path: string, { until, from, at }: Noted): Promise<boolean> {
  // Never through a link: an agent may have put one there.
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
  const file = await open(path, flags, 0o600).catch(() => null);
  if (file === null) return false;
  try {
    const stat = await file.stat();
    if (!stat.isFile() || stat.size >= MAX_NOTES * NOTE_BYTES) return false;
    const note = [until, from, at].map((n, i) => String(Math.round(n)).padStart(DIGITS[i] ?? 0, '0'));
    await file.write(`${note.join(' ')}\n`);
    return true;
  } finally {
    await file.close();
  }
}

export interface LineTimes {
  /** Of the last note; null when there is none. */
  last(): Promise<Noted | null>;
  /** When the byte before an offset came; null when nobody knows. Asked in order it reads little. */
  at(offset: number): Promise<number | null>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Null when there are none. */
export async function openTimes(path: string): Promise<LineTimes | null> {
  const opened = await openRegular(path);
  if (opened === null) return null;
  const { file, size } = opened;
  const count = Math.min(MAX_NOTES, Math.floor(size / NOTE_BYTES));
  const read = createReader(file);
  /** The note found last, and the offset above which it counts: neighbours mostly share one. */
  let found: { readonly above: number; readonly note: Noted } | null = null;

  async function find(offset: number): Promise<typeof found> {
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >> 1;
      const note = await read(middle);
      if (note === null) return null;
      if (note.until < offset) low = middle + 1;
      else high = middle;
    }
    const note = low < count ? await read(low) : null;
    return note === null ? null : { note, above: low === 0 ? 0 : ((await read(low - 1))?.until ?? 0) };
  }

  return {
    last: () => (count === 0 ? Promise.resolve(null) : read(count - 1)),
    async at(offset) {
      if (found === null || offset <= found.above || offset > found.note.until) found = await find(offset);
      if (found === null) return null;
      const { from, at } = found.note;
      return at - from > MAX_GAP_MS ? null : at;
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}

/** Reads notes by their place, in blocks, each once. Null where there is none of ours. */
function createReader(file: FileHandle): (place: number) => Promise<Noted | null> {
  const blocks = new Map<number, Buffer>();
  return async (place) => {
    const number = Math.floor(place / BLOCK_NOTES);
    let block = blocks.get(number);
    if (block === undefined) {
      const length = BLOCK_NOTES * NOTE_BYTES;
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, number * length);
      block = buffer.subarray(0, bytesRead);
      blocks.set(number, block);
    }
    const start = (place % BLOCK_NOTES) * NOTE_BYTES;
    const match = NOTE.exec(block.toString('latin1', start, start + NOTE_BYTES));
    return match === null ? null : { until: Number(match[1]), from: Number(match[2]), at: Number(match[3]) };
  };
}
