import { appendFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_LINE_BYTES, openLines } from './line-file.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orch-lines-'));
  path = join(folder, 'run.log');
});
afterEach(() => rmSync(folder, { recursive: true }));

async function lines() {
  const file = await openLines(path);
  if (file === null) throw new Error('no file');
  return file;
}

describe('the lines of a file', () => {
  it('are the same forwards in any steps and backwards in any steps', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: fc.constantFrom('a', 'é', '🚀', ' ') }), { maxLength: 30 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 7 }),
        async (texts, isWhole, step) => {
          const body = texts.join('\n') + (isWhole && texts.length > 0 ? '\n' : '');
          writeFileSync(path, body);
          const expected = body.endsWith('\n')
            ? body.slice(0, -1).split('\n')
            : body === ''
              ? []
              : body.split('\n');
          await using file = await lines();
          const forwards = [];
          for (let at = 0; ; ) {
            const some = await file.after(at, step, true);
            if (some.length === 0) break;
            forwards.push(...some);
            at = some.at(-1)?.next ?? at;
          }
          const backwards = [];
          for (let at = file.size; ; ) {
            const some = await file.before(at, step);
            if (some.length === 0) break;
            backwards.unshift(...some);
            at = some[0]?.at ?? 0;
          }
          expect(forwards.map(({ text }) => text)).toEqual(expected);
          expect(backwards).toEqual(forwards);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('that grow: the one without its end comes when it is whole, or nothing more will come', async () => {
    writeFileSync(path, 'one\ntw');
    {
      await using file = await lines();
      expect((await file.after(0, 9, false)).map(({ text }) => text)).toEqual(['one']);
      expect((await file.after(4, 9, true)).map(({ text }) => text)).toEqual(['tw']);
    }
    appendFileSync(path, 'o\n');
    await using file = await lines();
    expect(await file.after(4, 9, false)).toEqual([{ at: 4, next: 8, text: 'two', whole: true }]);
  });

  it('that are too long are kept in part, and the next is found', async () => {
    writeFileSync(path, `${'x'.repeat(MAX_LINE_BYTES * 2)}\nafter\n`);
    await using file = await lines();
    const [long, after] = await file.after(0, 9, false);
    expect(long).toMatchObject({ whole: false });
    expect(long?.text).toHaveLength(MAX_LINE_BYTES);
    expect(after?.text).toBe('after');
    expect((await file.before(file.size, 2))[0]).toMatchObject({ at: 0, whole: false });
  });

  it('of what is no file of ours are none', async () => {
    expect(await openLines(path)).toBeNull();
    symlinkSync('/etc/hostname', path);
    expect(await openLines(path)).toBeNull();
    expect(await openLines(folder)).toBeNull();
  });
});
