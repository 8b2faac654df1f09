import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readHead, readTail, visitLinesBackwards, type Wanted } from './log-lines.ts';

const MIB = 1024 * 1024;
const MARK = Buffer.from('"mark"');

let path = '';
beforeAll(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'orch-lines-')), 'log');
});
afterAll(() => rm(join(path, '..'), { recursive: true, force: true }));

async function linesOf(
  text: string,
  wanted: Wanted = 'all',
  maxLineBytes = 16 * MIB,
): Promise<(string | null)[]> {
  await writeFile(path, text);
  const lines: (string | null)[] = [];
  await visitLinesBackwards(path, { maxLineBytes, marks: [MARK] }, (bytes) => {
    lines.push(bytes === null ? null : bytes.toString());
    return wanted;
  });
  return lines;
}

describe('reading a log from its end', () => {
  it('shows every line once, newest first, wherever blocks begin and end', async () => {
    const line = fc.tuple(fc.integer({ min: 0, max: 700_000 }), fc.constantFrom('a', 'b', 'é'));
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 12 }), async (parts) => {
        const lines = parts.map(([length, letter]) => letter.repeat(length));
        expect(await linesOf(lines.join('\n'))).toEqual(lines.length === 0 ? [''] : lines.toReversed());
      }),
      { numRuns: 30 },
    );
  });

  it('misses no marked line when only those are wanted, and reads little else', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 60_000 }), { minLength: 1, maxLength: 8 }),
        async (gaps) => {
          const marked = gaps.map((_, index) => `{"mark":${index}} ${'m'.repeat(index * 300_000)}`);
          const text = gaps
            .flatMap((gap, index) => [marked[index] ?? '', ...Array<string>(gap).fill('nothing to see here')])
            .join('\n');
          const seen = await linesOf(text, 'marked');
          expect(seen.filter((line) => line?.includes('"mark"'))).toEqual(marked.toReversed());
        },
      ),
      { numRuns: 20 },
    );
    const unmarked = await linesOf('nothing to see here\n'.repeat(1_000_000), 'marked');
    expect(unmarked.length).toBeLessThan(100_000);
  });

  it('passes over a line that is too long, and shows the ones around it', async () => {
    expect(await linesOf(`first\n${'x'.repeat(3 * MIB)}\nlast`, 'all', 2 * MIB)).toEqual([
      'last',
      null,
      'first',
    ]);
  });

  it('stops when told to', async () => {
    expect(await linesOf('a\nb\nc', 'stop')).toEqual(['c']);
  });

  it('knows no log where there is none', async () => {
    const visit = () => 'all' as const;
    expect(await visitLinesBackwards(join(path, '..'), { maxLineBytes: 1, marks: [] }, visit)).toBe(false);
    expect(await visitLinesBackwards(`${path}.none`, { maxLineBytes: 1, marks: [] }, visit)).toBe(false);
    expect(await readHead(`${path}.none`, 9)).toBeNull();
    expect(await readTail(`${path}.none`, 9)).toBeNull();
  });

  it('reads the first and the last bytes', async () => {
    await writeFile(path, '0123456789');
    expect(String(await readHead(path, 3))).toBe('012');
    expect(String(await readTail(path, 3))).toBe('789');
    expect(String(await readTail(path, 99))).toBe('0123456789');
  });
});
